package format

import (
	"math/big"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var plain = Separators{Point: "."}

func TestNumbersKeepEveryDigitUntilTheyAreRounded(t *testing.T) {
	english, german := Separators{",", "."}, Separators{".", ","}
	for _, row := range []struct {
		text   string
		digits int // -1 is as given
		s      Separators
		want   string
	}{
		{"1234567.5", -1, english, "1,234,567.5"},
		{"1234567.5", 2, german, "1.234.567,50"},
		{"123", 0, english, "123"},
		{"-999999.995", 2, english, "-1,000,000.00"},
		{"0.005", 2, plain, "0.01"},
		{"-0.005", 2, plain, "-0.01"},
		{"-0.004", 2, plain, "0.00"},
		{"2.675", 2, plain, "2.68"}, // a float makes 2.67 of it
		{"123456789012345678.123456", 6, plain, "123456789012345678.123456"},
		{"1.5e3", -1, english, "1,500"},
		{"15e-4", -1, plain, "0.0015"},
		{"007", -1, plain, "7"},
	} {
		d, ok := ParseDecimal(row.text)
		if row.digits >= 0 {
			d = d.Round(row.digits)
		}
		if got := d.Text(row.s); !ok || got != row.want {
			t.Errorf("%s with %d digits: %q, want %q", row.text, row.digits, got, row.want)
		}
	}
}

func TestWhatIsNoNumberIsNotRead(t *testing.T) {
	for _, text := range []string{"", "-", "1,5", "1.", ".5", "1e999", "NaN", "0x10", " 1", "1 "} {
		if _, ok := ParseDecimal(text); ok {
			t.Errorf("%q was read", text)
		}
	}
}

func TestRoundingIsThatOfExactArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strconv.FormatInt(rapid.Int64().Draw(t, "whole"), 10) + "." + rapid.StringMatching(`[0-9]{1,12}`).Draw(t, "fraction")
		digits := rapid.IntRange(0, MaxDigits).Draw(t, "digits")
		d, ok := ParseDecimal(text)
		if !ok {
			t.Fatalf("%q was not read", text)
		}
		exact, _ := new(big.Rat).SetString(text)
		want, _ := new(big.Rat).SetString(exact.FloatString(digits)) // halves away from zero
		got, ok := new(big.Rat).SetString(d.Round(digits).Text(plain))
		if !ok || got.Cmp(want) != 0 {
			t.Errorf("%s with %d digits: %v, want %v", text, digits, got, want)
		}
	})
}

func TestAnAmountHasTheDigitsOfItsCurrency(t *testing.T) {
	for _, row := range []struct{ amount, code, want string }{
		{"1234.5", "EUR", "1,234.50 EUR"},
		{"1234.5", "JPY", "1,235 JPY"},
		{"1234.5", "KWD", "1,234.500 KWD"},
		{"1234.5678", "XXX", "1,234.5678 XXX"},
		{"1234.5", "", "1,234.5"},
		{"n/a", "EUR", "n/a EUR"},
		{"1", "R U", "1 R U"},
	} {
		if got := Amount(row.amount, row.code, Separators{",", "."}); got != row.want {
			t.Errorf("%s %s: %q, want %q", row.amount, row.code, got, row.want)
		}
	}
}

func TestMomentsAreShownInTheirZone(t *testing.T) {
	var zones Zones
	paris, ok := zones.Find("Europe/Paris")
	if !ok {
		t.Fatal("Europe/Paris is not known")
	}
	for _, row := range []struct{ got, want string }{
		{Moment("2026-11-23T23:30:00Z", "iso", paris), "2026-11-24"},
		{Moment("2026-11-23T23:30:00Z", "short", paris), "24 Nov 2026"},
		{Moment("2026-11-23T23:30:00Z", "medium", time.UTC), "23 November 2026"},
		{Moment("2026-11-23T23:30:00Z", "long", paris), "Tuesday, 24 November 2026"},
		{Moment("2026-07-23T23:30:00Z", "rfc3339", paris), "2026-07-24T01:30:00+02:00"},
		{Moment("2026-11-23T23:30:00Z", "time", paris), "00:30"},
		{Moment("yesterday", "time", paris), "yesterday"},
		{Date("2026-11-23", "long", paris), "Monday, 23 November 2026"},
		{Date("2026-11-23", "rfc3339", paris), "2026-11-23T00:00:00+01:00"},
		{Date("2026-02-30", "long", paris), "2026-02-30"},
		{TimeOfDay("14:05:59"), "14:05"},
		{TimeOfDay("14:05"), "14:05"},
		{TimeOfDay("25:00"), "25:00"},
	} {
		if row.got != row.want {
			t.Errorf("%q, want %q", row.got, row.want)
		}
	}
}

func TestOnlyNamedZonesAreFound(t *testing.T) {
	var zones Zones
	for _, name := range []string{"", "Local", "Mars/Olympus", "../../etc/passwd", "/etc/localtime"} {
		if _, ok := zones.Find(name); ok {
			t.Errorf("%q was found", name)
		}
	}
	first, _ := zones.Find("Europe/Paris")
	second, _ := zones.Find("Europe/Paris")
	if first != second {
		t.Error("the zone was read twice")
	}
}

func TestEveryLayoutHasAForm(t *testing.T) {
	for _, name := range Layouts() {
		if layouts[name] == "" || !Layout(name) {
			t.Errorf("layout %s", name)
		}
	}
	if len(layouts) != len(Layouts()) || Layout("2006") {
		t.Error("the names are not those of the forms")
	}
}
