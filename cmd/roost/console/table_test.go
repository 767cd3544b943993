package console

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	tab := NewTable("jid", "idle time")
	tab.Row("a@x\x1b[2J", 3)
	tab.Row("", nil)
	tab.Sum("%d rows", tab.Len())
	var text, object strings.Builder
	if err := tab.Write(&text, false); err != nil {
		t.Fatal(err)
	}
	if got, want := text.String(), "JID      IDLE TIME\na@x?[2J  3\n-        -\n2 rows\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if err := tab.Write(&object, true); err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal([]byte(object.String()), &rows); err != nil || len(rows) != 2 || rows[0]["idle_time"] != 3.0 || rows[1]["idle_time"] != nil {
		t.Errorf("%v %s", err, object.String())
	}
	object.Reset()
	if NewTable("a").Write(&object, true); object.String() != "[\n]\n" {
		t.Error(object.String())
	}
}
