package process

// Describe is what [Version] makes of the notes of a build.
var Describe = describe
