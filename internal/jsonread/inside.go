package jsonread

// The following functions look into a value that a [Reader] has returned, and which is
// therefore valid JSON. They copy nothing.

// Elements yields the elements of an array. It yields nothing for any other value.
func Elements(array string) func(yield func(element string) bool) {
	return func(yield func(string) bool) {
		if array == "" || array[0] != '[' {
			return
		}
		for i := space(array, 1); array[i] != ']'; {
			end := skip(array, i)
			if !yield(array[i:end]) {
				return
			}
			if i = space(array, end); array[i] == ',' {
				i = space(array, i+1)
			}
		}
	}
}

// First returns the first element of an array; "" if it is empty or not an array.
func First(array string) string {
	for element := range Elements(array) {
		return element
	}
	return ""
}

// Member returns the value of a member of an object, the last one of that name; "" if
// there is none, or the value is not an object.
func Member(object, name string) (value string) {
	if object == "" || object[0] != '{' {
		return ""
	}
	for i := space(object, 1); object[i] != '}'; {
		end := skip(object, i)
		key, _ := Unquote(object[i:end])
		i = space(object, space(object, end)+1) // behind the colon
		end = skip(object, i)
		if key == name {
			value = object[i:end]
		}
		if i = space(object, end); object[i] == ',' {
			i = space(object, i+1)
		}
	}
	return value
}

// space returns the offset of the first byte from i on that is not white space.
func space(s string, i int) int {
	for s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r' {
		i++
	}
	return i
}

// skip returns the offset behind the value that begins at i.
func skip(s string, i int) int {
	depth, quoted := 0, false
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			if quoted = !quoted; !quoted && depth == 0 {
				return i + 1
			}
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth == 0 {
				return i // behind a number or a word
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case depth == 0 && (c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r'):
			return i
		}
	}
	return i
}
