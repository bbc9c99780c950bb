// Package tokens holds what can be said about an event: the catalogue of event
// types and tokens, the check of templates against it, and their rendering.
//
// The catalogue is data (folder data, CSV): event types, the contexts that they
// happen in, the groups of tokens that a context offers, and the tokens. Which
// token is legal where is decided per event and per channel.
//
// A template is Handlebars, cut down to what cannot harm the process or the
// reader: tokens, a fixed list of helpers, and conditional blocks. Every
// template is checked when it is saved and again when it is loaded, see
// [Catalogue.Check] and [Catalogue.Parse]. The package refuses to deliver,
// store or fetch anything, and reads no clock: the moment is passed in.
package tokens
