package ecconf

import "slices"

// Bind holds a document against the schema. The tree contains everything that
// has a row, values that were refused marked as such, even when the error, an
// [Errors], is not nil.
func (s *Schema) Bind(doc *Document) (*Tree, error) {
	b := &binder{schema: s}
	root := &Block{Scope: s.byID[GlobalScope], Damaged: doc.Damaged}
	b.items(root, doc.Items)
	b.required(root)
	t := &Tree{Root: root, Files: doc.Files, schema: s}
	t.Warnings = append(slices.Clone(doc.Warnings), b.warns...).Sorted(doc.Files)
	return t, b.errs.Sorted(doc.Files).Err()
}

type binder struct {
	schema *Schema
	seq    int
	errs   Errors
	warns  Errors
}

func (b *binder) items(into *Block, items []*Item) {
	for _, it := range items {
		if b.errs.full() {
			return // this is not a configuration; nothing more is learnt from it
		}
		switch it.Kind {
		case StanzaItem:
			b.stanza(into, it)
		case OptionItem:
			b.option(into, it)
		case IncludeItem:
			into.Damaged = true
			b.errs.Addf(it.Pos, "%s is not possible here: this text was not read from a file", it.Name)
		}
	}
}

func (b *binder) stanza(into *Block, it *Item) {
	id := into.Scope.ID
	sc := b.schema.Scope(id, it.Name)
	if sc == nil {
		into.Damaged = true // what was meant is not known to be missing
		if o := b.schema.Option(id, it.Name); o != nil {
			b.errs.Addf(it.Pos, "%s is an option, not a stanza: write %s = %s", quote(it.Name), o.Name, o.form())
			return
		}
		b.errs.Addf(it.Pos, "%s", b.schema.unknown("stanza", it.Name, id))
		return
	}
	if sc.NotYet {
		b.errs.Addf(it.Pos, "%s is not yet supported", sc.Name)
		return
	}
	blk := b.block(into, sc, it)
	if sc.Note != "" {
		b.warns.Addf(it.Pos, "%s: %s", sc.Name, sc.Note)
	}
	b.items(blk, it.Items)
}

// block returns the block that a stanza statement opens or continues.
func (b *binder) block(into *Block, sc *Scope, it *Item) *Block {
	name, key, at := it.Instance, it.Instance, it.InstancePos
	switch {
	case sc.Naming == Named && (!it.Named || name == ""):
		b.errs.Addf(it.Pos, "%s needs an instance name: %s { … }", sc.Name, sc.form())
	case sc.Naming == Anonymous && it.Named:
		b.errs.Addf(at, "%s takes no instance name, but %s is given: write %s { … }", sc.Name, quote(name), sc.Name)
	case it.Named && sc.Key != nil:
		k, note, err := sc.Key(name)
		if err != nil {
			b.errs.Addf(at, "%s %s: %v", sc.Name, quote(name), err)
			break
		}
		if key = k; note != "" {
			b.warns.Addf(at, "%s %s: %s", sc.Name, quote(name), note)
		}
	}
	slot := [2]string{sc.ID, key}
	if old := into.index[slot]; old != nil {
		old.Damaged = old.Damaged || it.Damaged
		return old
	}
	b.seq++
	blk := &Block{Scope: sc, Name: name, Key: key, Pos: it.Pos, Seq: b.seq, Damaged: it.Damaged, Parent: into}
	if into.index == nil {
		into.index, into.byScope = map[[2]string]*Block{}, map[string][]*Block{}
	}
	into.index[slot] = blk
	into.byScope[sc.ID] = append(into.byScope[sc.ID], blk)
	into.Blocks = append(into.Blocks, blk)
	return blk
}

func (b *binder) option(into *Block, it *Item) {
	id := into.Scope.ID
	o := b.schema.Option(id, it.Name)
	if o == nil {
		into.Damaged = true
		if sc := b.schema.Scope(id, it.Name); sc != nil {
			b.errs.Addf(it.Pos, "%s is a stanza, not an option: write %s { … }", quote(it.Name), sc.form())
			return
		}
		b.errs.Addf(it.Pos, "%s", b.schema.unknown("option", it.Name, id))
		return
	}
	set := &Setting{Option: o, Value: it.Value, Pos: it.Pos}
	before := len(b.errs)
	b.check(o, o.Name, it.Value)
	set.Bad = len(b.errs) > before
	if o.Note != "" && !o.isDefault(it.Value) {
		b.warns.Addf(it.Pos, "%s: %s", o.Name, o.Note)
	}
	if into.settings == nil {
		into.settings = map[string]*Setting{}
	}
	if old := into.settings[lower(o.Name)]; old != nil {
		into.order = slices.DeleteFunc(into.order, func(s *Setting) bool { return s == old })
	}
	into.settings[lower(o.Name)] = set
	into.order = append(into.order, set)
}

// form is how the head of a stanza is written.
func (sc *Scope) form() string {
	if sc.Naming == Named {
		return sc.Name + ` "…"`
	}
	return sc.Name
}

// required reports options without which a stanza means nothing.
func (b *binder) required(blk *Block) {
	if !blk.Damaged {
		for i := range b.schema.options {
			o := &b.schema.options[i]
			if o.Required && slices.Contains(o.Scopes, blk.Scope.ID) && blk.Get(o.Name) == nil {
				b.errs.Addf(blk.Pos, "%s does not say its %s: add %s = %s", blk.Label(), o.Name, o.Name, o.form())
			}
		}
	}
	for _, c := range blk.Blocks {
		b.required(c)
	}
}
