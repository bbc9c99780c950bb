package kit

import "errors"

// errNoCertificate is returned for a root file without a certificate.
var errNoCertificate = errors.New("holds no certificate in PEM form")
