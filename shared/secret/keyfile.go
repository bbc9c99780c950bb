package secret

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/billhook/billhook/shared/fault"
)

// maxKeyFile bounds what is read of a key file, in bytes.
const maxKeyFile = 4096

// Source says where the sealing keys come from.
type Source struct {
	// Value holds the keys themselves, as [ParseKeys] reads them; where it is
	// given nothing else is looked at.
	Value Text
	// File is the path of a key file.
	File string
	// Rand draws the key when File does not exist yet. Where it is nil, a
	// missing file is an error.
	Rand io.Reader
}

// LoadKeys returns the keys of src. On first use it makes the key file: readable
// by its owner only, complete or not at all, on disk before it is used. When
// two processes make it at once, one wins and both use that one.
func LoadKeys(src Source) ([]Key, error) {
	if !src.Value.Empty() {
		return ParseKeys(src.Value.Reveal())
	}
	if src.File == "" {
		return nil, fault.New(fault.Invalid, "load sealing keys", "", ErrNoKey)
	}
	keys, err := ReadKeys(src.File)
	if !errors.Is(err, fs.ErrNotExist) || src.Rand == nil {
		return keys, err
	}
	if err := createKey(src.File, src.Rand); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fault.New(fault.Internal, "create sealing key", src.File, err)
	}
	return ReadKeys(src.File)
}

// ReadKeys reads a key file. It refuses with [ErrExposed] a file that others
// than its owner may read or write.
func ReadKeys(path string) ([]Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.NotFound, "read sealing keys", path, err)
	}
	defer func() { _ = f.Close() }()
	// Judged on the open file: the path may be changed in between.
	info, err := f.Stat()
	if err != nil {
		return nil, fault.New(fault.Internal, "read sealing keys", path, err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Invalid, "read sealing keys", path, ErrExposed)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, fault.New(fault.Internal, "read sealing keys", path, err)
	}
	keys, err := ParseKeys(string(b))
	if err != nil {
		return nil, fault.New(fault.Invalid, "read sealing keys", path, err)
	}
	return keys, nil
}

// WriteKeys replaces a key file: complete or not at all, readable by its owner
// only, and on disk when it returns. A file with more than can be read again is
// not written.
func WriteKeys(path string, keys []Key) error {
	text := joinKeys(keys)
	if _, err := ParseKeys(text); err != nil {
		return fault.New(fault.Invalid, "write sealing keys", path, err)
	}
	if len(text) > maxKeyFile {
		return fault.New(fault.Invalid, "write sealing keys", path, errManyKeys)
	}
	if err := replaceKeys(path, text, os.Rename); err != nil {
		return fault.New(fault.Internal, "write sealing keys", path, err)
	}
	return nil
}

// createKey makes the key file where there is none: unlike a file opened with
// O_EXCL, a link that exists is complete.
func createKey(path string, rand io.Reader) error {
	key, err := GenerateKey(rand)
	if err != nil {
		return err
	}
	return replaceKeys(path, joinKeys([]Key{key}), os.Link)
}

// joinKeys writes each key on a line.
func joinKeys(keys []Key) string {
	var b strings.Builder
	for _, k := range keys {
		b.WriteString(k.Reveal() + "\n")
	}
	return b.String()
}

// replaceKeys writes a text beside path and has place put it there.
func replaceKeys(path, text string, place func(from, to string) error) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".sealing-key-*") // 0600 and O_EXCL
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := place(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
