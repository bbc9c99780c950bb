package syntax

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestATemplateBecomesATree(t *testing.T) {
	tree, p := Parse("a {{Account.[Bill Day]}} {{! no }}{{#if (equal X \"1\")}}y{{else if Z}}z{{else}}n{{/if}}{{date D 'iso' zone=Q n=-1.5 b=true}}")
	if p != nil {
		t.Fatal(p)
	}
	want := Tree{
		&Text{"a ", 0},
		&Output{&Token{"Account.Bill Day", 4}, 2},
		&Text{" ", 24},
		&Block{
			Call: &Call{Helper: "if", Pos: 34, Args: []Operand{
				&Call{Helper: "equal", Pos: 40, Args: []Operand{&Token{"X", 47}, &Literal{Str, "1", 49}}},
			}},
			Then: Tree{&Text{"y", 55}},
			Else: Tree{&Block{
				Call: &Call{Helper: "if", Pos: 56, Args: []Operand{&Token{"Z", 66}}},
				Then: Tree{&Text{"z", 69}}, Else: Tree{&Text{"n", 78}}, Pos: 56,
			}},
			Pos: 34,
		},
		&Output{&Call{Helper: "date", Pos: 86, Args: []Operand{&Token{"D", 93}, &Literal{Str, "iso", 95}}, Options: []Option{
			{"zone", &Token{"Q", 106}, 101}, {"n", &Literal{Num, "-1.5", 110}, 108}, {"b", &Literal{Bool, "true", 117}, 115},
		}}, 86},
	}
	if d := cmp.Diff(want, tree); d != "" {
		t.Error(d)
	}
}

func TestWhiteSpaceIsThatOfHandlebars(t *testing.T) {
	tree, p := Parse("a\n  {{#if X}}\n  b\n  {{else}}\n  c\n  {{/if}}\nd {{~! comment ~}} e")
	if p != nil {
		t.Fatal(p)
	}
	want := Tree{
		&Text{"a\n", 0},
		&Block{Call: &Call{Helper: "if", Pos: 4, Args: []Operand{&Token{"X", 10}}}, Pos: 4,
			Then: Tree{&Text{"  b\n", 14}}, Else: Tree{&Text{"  c\n", 29}}},
		&Text{"d", 43},
		&Text{"e", 62},
	}
	if d := cmp.Diff(want, tree); d != "" {
		t.Error(d)
	}
}

// refusals are texts that must not reach the parser, with the rule and the
// byte that the refusal names. Most of them kill, hang or mislead raymond.
var refusals = []struct {
	src  string
	rule string
	pos  int
}{
	{"{{#if t}}{{if t}}{{/if}}{{/if}}", "template.close", 24},
	{"{{#if t}}", "template.open", 0},
	{"{{if t}}{{/if}}", "template.close", 8},
	{"{{#if a}}{{#if b}}{{/unless}}", "template.close", 18},
	{"x{{else}}", "template.else", 1},
	{"{{#if a}}{{else}}{{else}}{{/if}}", "template.else", 17},
	{"{{elsewhere}}", "template.name", 0},
	{"{{> self}}", "template.partial", 0},
	{"{{#> layout}}{{/layout}}", "template.partial", 0},
	{"{{#*inline 'x'}}{{/inline}}", "template.decorator", 0},
	{"{{* x}}", "template.decorator", 0},
	{"{{{Account.Name}}}", "template.raw", 0},
	{"{{~{Account.Name}~}}", "template.raw", 0},
	{"{{&Account.Name}}", "template.raw", 0},
	{"{{~& Account.Name}}", "template.raw", 0},
	{"{{{{raw}}}} x {{{{/raw}}}}", "template.raw", 0},
	{"{{^}}", "template.inverse", 0},
	{"{{^x}}{{/x}}", "template.inverse", 0},
	{"{{.}}", "template.path", 2},
	{"{{..}}", "template.path", 2},
	{"{{../Account.Name}}", "template.path", 2},
	{"{{./x}}", "template.path", 2},
	{"{{this}}", "template.path", 2},
	{"{{x.this}}", "template.path", 4},
	{"{{Account/Name}}", "template.path", 9},
	{"{{x.[-10]}}{{/x}}", "template.close", 11},
	{"{{x.10}}", "template.syntax", 4},
	{"{{x.-10}}", "template.syntax", 4},
	{"{{@root}}", "template.data", 2},
	{"{{@.}}", "template.data", 2},
	{"{{date @index}}", "template.data", 7},
	{"{{#each x as |y|}}{{/each}}", "template.params", 13},
	{"{{x y=1 z}}", "template.syntax", 8},
	{"{{x y = 1}}", "template.syntax", 6},
	{"{{x.true}}", "template.path", 4},
	{"{{true}}", "template.path", 2},
	{"{{\"text\"}}", "template.syntax", 2},
	{"{{5}}", "template.syntax", 2},
	{"{{(x)}}", "template.syntax", 2},
	{"{{x (y}}", "template.syntax", 6},
	{"{{x y)}}", "template.syntax", 5},
	{"{{x(y)}}", "template.syntax", 3},
	{"{{x 0x10}}", "template.syntax", 5},
	{"{{x 1e9}}", "template.syntax", 5},
	{"{{x +1}}", "template.syntax", 4},
	{"{{x 1+2i}}", "template.syntax", 5},
	{"{{x \"a\\\"b\"}}", "template.text", 6},
	{"{{x \"a\nb\"}}", "template.text", 6},
	{"{{x \"a}}", "template.text", 4},
	{"{{x “a”}}", "template.syntax", 4},
	{"{{x\u00a0y}}", "template.syntax", 3},
	{"{{x\r\n}}", "template.syntax", 3},
	{"{{[]}}", "template.name", 2},
	{"{{[a\nb]}}", "template.name", 2},
	{"{{[a]b}}", "template.syntax", 5},
	{"{{a..b}}", "template.path", 4},
	{"{{a.}}", "template.syntax", 4},
	{"{{" + strings.Repeat("a", 201) + "}}", "template.name", 2},
	{"{{", "template.tag", 0},
	{"{{ x", "template.tag", 0},
	{"{{x}", "template.syntax", 3},
	{"{\"a\":{{x}}}", "template.braces", 10},
	{"{{x ~ }}", "template.syntax", 4},
	{"{{! never", "template.comment", 0},
	{"{{!-- never }}", "template.comment", 0},
	{"\\{{x}}", "template.escape", 0},
	{"\\\\{{x}}", "template.escape", 1},
	{"a\x80b", "template.encoding", 1},
	{"{{lookup x '\xff'}}", "template.encoding", 12},
	{"a\x00b", "template.control", 1},
	{strings.Repeat("a", MaxBytes+1), "template.size", 0},
	{strings.Repeat("{{x}}", MaxTags+1), "template.tags", 5 * MaxTags},
	{strings.Repeat("{{#if x}}", 7000), "template.depth", 20 * 9},
	{"{{#if x}}" + strings.Repeat("{{else if x}}", 4000), "template.depth", 9 + 19*13},
	{"{{x " + strings.Repeat("(y ", 20000), "template.depth", 4 + 3*4},
}

func TestWhatIsNotWellFormedIsRefusedAtItsPlace(t *testing.T) {
	for _, row := range refusals {
		t.Run(row.rule+" "+shown(row.src), func(t *testing.T) {
			_, p := Parse(row.src)
			if p == nil {
				t.Fatal("accepted")
			}
			if p.Rule != row.rule || p.Pos != row.pos {
				t.Errorf("got %s at %d (%s), want %s at %d", p.Rule, p.Pos, p.Detail, row.rule, row.pos)
			}
		})
	}
}

func shown(src string) string { return fmt.Sprintf("%.30q", src) }

func TestRefusalsLeakNoGoroutine(t *testing.T) {
	for range 200 {
		for _, row := range refusals {
			Parse(row.src)
		}
	}
	goleak.VerifyNone(t)
}

// What takes far longer than its part of a small text has no bound. A busy machine
// may hold up a single reading.
func TestTheGreatestTemplatesAreReadInTime(t *testing.T) {
	const most, tries, part = 40, 3, 64
	small := strings.Repeat("a\n", MaxBytes/2/part)
	for name, src := range map[string]string{
		"text":     strings.Repeat("a\n", MaxBytes/2),
		"spaces":   "{{x}}" + strings.Repeat(" ", MaxBytes-20) + "{{~x}}",
		"comment":  "{{!--" + strings.Repeat(" ", MaxBytes-20) + "x--}}",
		"inside":   "{{" + strings.Repeat(" ", MaxBytes/2) + "x" + strings.Repeat("\n", MaxBytes/2-20) + "}}",
		"words":    strings.Repeat("x \n ", MaxBytes/4-40) + "{{~#if x~}}" + strings.Repeat("as ", 10) + "{{/if}}",
		"strips":   strings.Repeat("{{~x~}} \n"+strings.Repeat(" ", 20), MaxTags),
		"tags":     strings.Repeat("{{default Account.Name 'x'}}  \n", MaxTags),
		"braces":   strings.Repeat("{", MaxBytes/2) + strings.Repeat("}", MaxBytes/2),
		"depth":    strings.Repeat("{{#if x}}\n", MaxDepth) + strings.Repeat("{{/if}}\n", MaxDepth),
		"brackets": strings.Repeat("{{x}}[", MaxTags),
	} {
		least := math.Inf(1)
		for try := 0; try < tries && least > most; try++ {
			least = min(least, float64(reading(src))/float64(part*reading(small)))
		}
		if least > most {
			t.Errorf("%s: %.0f times as long as a small text, %d at most", name, least, most)
		}
		t.Logf("%s: %.1f times as long as a small text", name, least)
	}
}

// reading is how long a template takes to be read.
func reading(src string) time.Duration {
	begin := time.Now()
	_, _ = Parse(src)
	return time.Since(begin)
}

func FuzzParse(f *testing.F) {
	for _, row := range refusals {
		if len(row.src) < 300 {
			f.Add(row.src)
		}
	}
	f.Add("a {{Account.[Bill Day]}} {{! no }}{{#if (equal X \"1\")}}y{{else if Z}}z{{else}}n{{/if}}{{date D 'iso' zone=Q n=-1.5 b=true}}")
	f.Add("a\n  {{~#unless X~}}\n  b\n  {{~ else ~}}\n {{!---}} --}} c\n  {{~/unless~}}\nd {{~!~}} e \\ {{x y=(z \"}}\")}}")
	f.Fuzz(func(t *testing.T, src string) {
		_, p := Parse(src)
		if p == nil {
			return
		}
		if strings.HasPrefix(p.Detail, "cannot be parsed") {
			t.Errorf("the scanner let through what the parser refuses: %s", p.Detail)
		}
		if p.Pos < 0 || p.Pos > len(src) {
			t.Errorf("%s at byte %d of %d", p.Rule, p.Pos, len(src))
		}
	})
}
