package xmlstream

// AppendText appends s as text content.
func AppendText[T ~string | ~[]byte](dst []byte, s T) []byte { return append(dst, s...) }

// AppendEscaped appends s so that it may stand in text and in an attribute value.
func AppendEscaped[T ~string | ~[]byte](dst []byte, s T) []byte { return append(dst, s...) }

// AppendAttr appends ` name='value'`.
func AppendAttr[T ~string | ~[]byte](dst []byte, name string, value T) []byte {
	dst = append(append(append(dst, ' '), name...), "='"...)
	return append(append(dst, value...), '\'')
}
