import Events
import Testing

@Suite struct FieldReferenceTests {
    @Test(arguments: [
        ("id", ["id"]), ("order.id", ["order", "id"]), ("a.b.c.0", ["a", "b", "c", "0"]),
        ("with space", ["with space"]),
        ("@timestamp", ["@timestamp"]), ("naïve.été", ["naïve", "été"]),
        ("case:concept:name", ["case:concept:name"]),
        ("a/b", ["a/b"]), ("~0", ["~0"]),
        // RFC 6901, sections 3 to 5
        ("/id", ["id"]), ("/order.id", ["order.id"]), ("/order/id", ["order", "id"]),
        ("/case:concept:name", ["case:concept:name"]), ("/items/0/sku", ["items", "0", "sku"]), ("/", [""]),
        ("/a/", ["a", ""]), ("//b", ["", "b"]), ("/a~1b", ["a/b"]), ("/m~0n", ["m~n"]), ("/~01", ["~1"]),
        ("/~10", ["/0"]), ("/~0~1~1~0", ["~//~"]), ("/c%d", ["c%d"]), ("/k\"l", ["k\"l"]), ("/ ", [" "]),
    ])
    func readsPaths(text: String, steps: [String]) throws {
        let reference = try FieldReference(parsing: text)
        #expect(reference == .field(try FieldPath(parsing: text)))
        #expect(reference.paths.map(\.steps) == [steps])
        #expect(reference.paths.map(\.text) == [text])
    }

    @Test(arguments: [
        ("{kind}", ["<kind>"]), ("{kind}.{action}", ["<kind>", ".", "<action>"]),
        ("a{b}c", ["a", "<b>", "c"]),
        ("{a.b}-{/c.d}", ["<a.b>", "-", "</c.d>"]), ("{/concept:name}", ["</concept:name>"]),
        ("{{}}", ["{}"]),
        ("{{a}}", ["{a}"]), ("{{{a}}}", ["{", "<a>", "}"]), ("{a}{b}", ["<a>", "<b>"]),
        ("{a}}}", ["<a>", "}"]),
        ("order {a}", ["order ", "<a>"]), ("}}", ["}"]), ("{a}{{b}}{c}", ["<a>", "{b}", "<c>"]),
        ("é{ü}", ["é", "<ü>"]),
        ("{a b}", ["<a b>"]),
    ])
    func readsTemplates(text: String, parts: [String]) throws {
        guard case .template(let found) = try FieldReference(parsing: text) else {
            Issue.record("no template")
            return
        }
        let shown = found.map { part in
            switch part {
            case .text(let text): text
            case .field(let path): "<\(path.text)>"
            }
        }
        #expect(shown == parts)
    }

    @Test(arguments: [
        ("", "a field has no name"), (".", #""." has an empty step; a name that holds dots is written "/.""#),
        ("a..b", #""a..b" has an empty step; a name that holds dots is written "/a..b""#),
        (".a", #"".a" has an empty step; a name that holds dots is written "/.a""#),
        ("a.", #""a." has an empty step; a name that holds dots is written "/a.""#),
        ("{", #"the brace in "{" is not closed"#), ("{a", #"the brace in "{a" is not closed"#),
        ("{a}{b", #"the brace in "{a}{b" is not closed"#),
        ("}", #""}" has a closing brace without an opening one"#),
        ("a}", #""a}" has a closing brace without an opening one"#),
        ("{a}}", #""{a}}" has a closing brace without an opening one"#),
        ("{{a}", #""{{a}" has a closing brace without an opening one"#), ("{}", "a field has no name"),
        ("a{}b", "a field has no name"),
        ("{a..b}", #""a..b" has an empty step; a name that holds dots is written "/a..b""#),
    ])
    func refuses(text: String, message: String) {
        let error = #expect(throws: FieldReference.SyntaxError.self) { try FieldReference(parsing: text) }
        #expect(error?.message == message)
    }

    @Test func listsThePathsItReads() {
        #expect(FieldReference.constant("a.b").paths == [])
        #expect(first("a", "{b}-{c.d}", "/e").paths.map(\.text) == ["a", "b", "c.d", "/e"])
        var mapping = SourceMapping.events([
            .sample { $0.caseID = first("order.id", "id") }, .sample { $0.details = field("/order/id") },
        ])
        mapping.events[0].eventID = .reference(field("{id}-{n}"))
        #expect(mapping.paths.map(\.steps) == [["time"], ["kind"], ["id"], ["n"], ["order", "id"]])
    }

    @Test(arguments: [
        ("a", ["a"]), ("a.b", ["a.b"]), ("/a", ["/a", "a"]), ("/a.b", ["/a.b", "a.b"]), ("/a/b", ["/a/b"]),
        ("/a~1b", ["/a~1b", "a/b"]),
    ])
    func namesColumns(text: String, names: [String]) throws {
        #expect(try FieldPath(parsing: text).columnNames == names)
    }
}
