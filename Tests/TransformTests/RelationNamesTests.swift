import Testing
import Transform

/// Which names a SELECT reads, and other names in their place.
@Suite
struct RelationNamesTests {
    @Test(
        "Names with a schema are found, and only those",
        arguments: [
            ("SELECT * FROM raw.events", ["raw.events"]),
            ("SELECT e.type FROM Raw . Events AS e", ["e.type", "raw.events"]),
            (#"SELECT "a.b"."c""d" FROM x"#, [#"a.b.c"d"#]),
            ("SELECT raw.events.type FROM raw.events", ["raw.events", "raw.events"]),
            (
                "SELECT 'raw.events', E'\\'raw.events', 'it''s raw.a' -- raw.b\n/* raw.c /* raw.d */ raw.e */, a.f",
                ["a.f"]
            ),
            ("SELECT $$raw.events$$, $q$ raw.a $$ raw.b $q$, $1, a.c", ["a.c"]),
            ("SELECT 1.5, x.y, 2.e5, a$1.b", ["x.y", "a$1.b"]),
            ("SELECT 'never closed raw.a", []),
            ("SELECT $q$ raw.a", []),
            ("/* raw.a", []),
            ("SELECT (r.x).y, é.ü", ["r.x", "é.ü"]),
        ] as [(String, [String])])
    func finds(_ text: String, _ names: [String]) {
        #expect(RelationNames(in: text).occurrences.map(\.name) == names)
    }

    @Test func knowsCalls() {
        let names = RelationNames(in: "SELECT report.hour (a) FROM report.hour").occurrences
        #expect(names.map(\.isCall) == [true, false])
    }

    @Test func replacesNamesAndKeepsLines() {
        let text =
            "SELECT *, 'raw.events', raw.events(1) -- raw.events\nFROM \"raw\".events\nJOIN RAW.EVENTS AS o USING (x)"
        let wanted =
            "SELECT *, 'raw.events', raw.events(1) -- raw.events\nFROM pg_temp.e\nJOIN pg_temp.e AS o USING (x)"
        #expect(RelationNames(in: text).replacing(["raw.events": "pg_temp.e"]) == wanted)
        #expect(RelationNames(in: text).replacing([:]) == text)
    }
}
