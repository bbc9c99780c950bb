package tokens

import (
	"fmt"
	"regexp"
	"time"

	"github.com/billhook/billhook/shared/event"
)

// The forms that texts must have, shared by the schema and by the examples.
const (
	moneyPattern    = `^-?[0-9]{1,18}(\.[0-9]{1,6})?$`
	currencyPattern = `^[A-Z]{3}$`
	zonePattern     = `^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$`
	datePattern     = `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`
	timePattern     = `^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$`
	// Neither a leap second nor a lower-case t or z: both are RFC 3339, but
	// not every reader knows them.
	dateTimePattern = `^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`
)

var forms = map[Type]*regexp.Regexp{
	String:   regexp.MustCompile(`.`),
	Money:    regexp.MustCompile(moneyPattern),
	Integer:  regexp.MustCompile(`^-?[0-9]{1,18}$`),
	Decimal:  regexp.MustCompile(`^-?[0-9]{1,18}(\.[0-9]{1,18})?$`),
	Percent:  regexp.MustCompile(`^[0-9]{1,6}(\.[0-9]{1,6})?$`),
	Date:     regexp.MustCompile(datePattern),
	Time:     regexp.MustCompile(timePattern),
	DateTime: regexp.MustCompile(dateTimePattern),
	Currency: regexp.MustCompile(currencyPattern),
	TimeZone: regexp.MustCompile(zonePattern),
	Boolean:  regexp.MustCompile(`^(true|false)$`),
}

// valid reports whether text has the form of the type, as an error.
func (t Type) valid(text string) error {
	form, known := forms[t]
	switch {
	case !known:
		return fmt.Errorf("unknown type %q", t)
	case !form.MatchString(text):
		return fmt.Errorf("%q has not the form of type %s", text, t)
	case t == Date:
		_, err := time.Parse(time.DateOnly, text)
		return err
	case t == DateTime:
		_, err := time.Parse(time.RFC3339, text)
		return err
	case t == TimeZone && !ValidZone(text):
		return fmt.Errorf("%q is no time zone", text)
	}
	return nil
}

// ValidZone reports whether name is an IANA time zone that this process knows.
// The empty name and "Local" are none: they mean another zone on every machine.
func ValidZone(name string) bool {
	if name == "" || name == "Local" {
		return false
	}
	_, err := time.LoadLocation(name)
	return err == nil
}

// numeric reports whether values of the type are numbers to a reader, whatever
// their JSON form.
func (t Type) numeric() bool {
	return t == Money || t == Integer || t == Decimal || t == Percent
}

// value returns text as a value in the JSON form of the type.
func (t Type) value(text string) event.Value {
	switch t {
	case Integer, Decimal, Percent:
		return event.Num(text)
	case Boolean:
		return event.Boolean(text == "true")
	default:
		return event.Str(text)
	}
}
