package router

// Form is a piece of extended information about an entity, shown by disco#info (XEP-0128). Values
// are plain text; the order of fields and values is kept.
type Form struct {
	Type   string // FORM_TYPE
	Fields []Field
}

// Field is one field of a Form.
type Field struct {
	Var    string
	Type   string // XEP-0004 §3.3; may be empty
	Values []string
}

type form struct {
	to Target
	v  Form
}

// AddForm shows f to those who ask about a target. Two forms of one target must not have the same
// Type (XEP-0115 §5.4).
func (r *Router) AddForm(to Target, f Form) {
	r.iq.forms = append(r.iq.forms, form{to, f})
}

// Forms lists what disco#info shows for a target, in the order of adding.
func (r *Router) Forms(to Target) []Form {
	var out []Form
	for _, f := range r.iq.forms {
		if f.to&to != 0 {
			out = append(out, f.v)
		}
	}
	return out
}
