package format

import "strings"

// minor holds, by their number of digits behind the point, the currencies of
// ISO 4217 (active codes of funds and metals left out).
var minor = map[int]string{
	0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
	2: "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY " +
		"COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS " +
		"INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR " +
		"MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD " +
		"SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
	3: "BHD IQD JOD KWD LYD OMR TND",
}

// MinorDigits returns how many digits a currency has behind the point, false
// for an unknown code.
func MinorDigits(code string) (int, bool) {
	if len(code) != 3 || strings.ContainsRune(code, ' ') {
		return 0, false
	}
	for digits, codes := range minor {
		if strings.Contains(codes, code) {
			return digits, true
		}
	}
	return 0, false
}

// Amount writes an amount and its currency, such as "1,234.50 EUR", rounded to
// the digits of the currency; an amount in an unknown currency keeps its own
// digits. What is no number is written as it is.
func Amount(amount, code string, s Separators) string {
	d, ok := ParseDecimal(amount)
	if !ok {
		return strings.TrimSpace(amount + " " + code)
	}
	if digits, known := MinorDigits(code); known {
		d = d.Round(digits)
	}
	return strings.TrimSpace(d.Text(s) + " " + code)
}
