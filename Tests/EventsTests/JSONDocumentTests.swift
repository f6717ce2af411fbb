import Events
import Testing

@Suite struct JSONDocumentTests {
    @Test(arguments: [
        ("{}", "{}"), ("[]", "[]"), (" [ ] ", "[]"),
        (#"{"a":[1,-2.50,"x",true,false,null,{}]}"#, #"{a:[1,-2.50,"x",true,false,null,{}]}"#),
        (#""q\"\\\/\u00e9\ud83d\ude00""#, #""q"\/é😀""#), (#"{"a":1,"a":2}"#, "{a:1,a:2}"), ("1E400", "1E400"),
        (#"{"\u0061b":1}"#, "{ab:1}"), ("\u{FEFF}[1]", "[1]"),
        // half of a surrogate pair
        (#""\ud800x""#, "\"\u{FFFD}x\""),
    ])
    func readsEveryValue(text: String, shown: String) throws {
        #expect(show(try document(text, isLenient: false).root) == shown)
        #expect(show(try document(text, isLenient: true).root) == shown)
    }

    @Test(arguments: [
        ("[1,]", "[1]"), (#"{"a":1,}"#, "{a:1}"), ("[[1,],]", "[[1]]"), ("[1 , // two\n]", "[1]"),
        ("// c\n1", "1"),
        ("1 // c", "1"), ("1//", "1"), ("/* c */ 1", "1"), ("1 /* c */", "1"), ("/**/1", "1"),
        ("/***/1", "1"),
        ("/* // */ 1", "1"), ("// /*\n1", "1"), ("/* \n\n * / */[1]", "[1]"), ("[1/**/,/**/2/**/]", "[1,2]"),
        (#"{/**/"a"/**/:/**/1/**/,/**/}"#, "{a:1}"), (#"["// no", "/* no */"]"#, #"["// no","/* no */"]"#),
        ("// c\r\n1", "1"), ("{ // c\n }", "{}"), ("[ /* c */ ]", "[]"), ("// é😀\n/* € */1", "1"),
    ])
    func allowsCommentsAndTrailingCommasOnlyWhereLenient(text: String, shown: String) throws {
        #expect(show(try document(text, isLenient: true).root) == shown)
        if shown != #"["// no","/* no */"]"# {
            #expect(throws: JSONDocument.Failure.self) { try document(text, isLenient: false) }
        }
    }

    @Test(arguments: [
        ("", "the text ends in the middle of a value", 1, 1),
        ("\n\n", "the text ends in the middle of a value", 3, 1),
        ("{\n  \"a\": tru\n}", "only true, false and null are words of JSON", 2, 8),
        ("{\"é😀\": 01}", "this is not a number as JSON writes them", 1, 8),
        ("[\"€\", \"\\q\"]", "this escape does not exist in JSON", 1, 8),
        ("{\n\"a\": 1\n\"b\": 2\n}", "a comma or } is expected here", 3, 1),
        ("[1\r\n 2]", "a comma or ] is expected here", 2, 2),
        ("{\"a\" 1}", "a colon is expected here", 1, 6),
        ("{a: 1}", "a member name in double quotes is expected here", 1, 2),
        ("[\n\n\"abc\n]", "this string is not closed on its line; a double quote is missing", 3, 5),
        ("[\n \"abc", "this string is not closed", 2, 2),
        ("{} {}", "there is more text after the value", 1, 4),
        ("\u{FEFF}{\"ü\": }", "a value is expected here", 1, 7),
        // where lenient, these are still mistakes
        ("[,]", "a value is expected here", 1, 2), ("[1,,]", "a value is expected here", 1, 4),
        ("{,}", "a member name in double quotes is expected here", 1, 2),
        ("[1],", "there is more text after the value", 1, 4),
        ("1 /* c", "this comment is not closed", 1, 3), ("é /", "a value is expected here", 1, 1),
        ("[1] /", "there is more text after the value", 1, 5), ("/*/", "this comment is not closed", 1, 1),
        ("// c", "the text ends in the middle of a value", 1, 5),
        ("[1 /* é */ 2]", "a comma or ] is expected here", 1, 12),
        ("{\"a\": 1, // c\n x}", "a member name in double quotes is expected here", 2, 2),
        ("[1 / 2]", "a comma or ] is expected here", 1, 4),
    ])
    func tellsWhereAMistakeIs(text: String, problem: String, line: Int, column: Int) {
        do {
            let root = try document(text, isLenient: true).root
            Issue.record("\(text) was read as \(show(root))")
        } catch {
            #expect(error.problem == problem)
            #expect(error.place.line == line)
            #expect(error.place.column == column)
        }
    }

    @Test(arguments: [
        ("1 /* c */", 1, 3), ("[1,]", 1, 4), ("{\"é\":1,}", 1, 8), ("{\n// c\n}", 2, 1),
    ])
    func tellsWhereStrictTextIsLenient(text: String, line: Int, column: Int) {
        do {
            let root = try document(text, isLenient: false).root
            Issue.record("\(text) was read as \(show(root))")
        } catch {
            #expect(error.place.line == line)
            #expect(error.place.column == column)
        }
    }

    @Test(arguments: ["", "\u{FEFF}"])
    func everyValueKnowsItsPlace(mark: String) throws {
        let text =
            mark + """
                { // é
                  "näme": [ 1, "€",
                  true ], "b": /* 😀 */ {"c": null}
                }
                """
        let document = try document(text, isLenient: true)
        func numbers(_ place: JSONDocument.Place) -> [Int] { [place.line, place.column] }
        func place(_ value: JSONValue) -> [Int] { numbers(document.place(of: value)) }
        guard case .object(let members) = document.root.content,
            case .array(let items) = members[0].value.content,
            case .object(let inner) = members[1].value.content
        else {
            Issue.record("not the object that was written")
            return
        }
        #expect(place(document.root) == [1, 1])
        #expect(numbers(document.place(ofOffset: members[0].nameOffset)) == [2, 3])
        #expect(items.map(place) == [[2, 13], [2, 16], [3, 3]])
        #expect(place(members[0].value) == [2, 11])
        #expect(numbers(document.place(ofOffset: members[1].nameOffset)) == [3, 11])
        #expect(place(members[1].value) == [3, 24])
        #expect(place(inner[0].value) == [3, 30])
    }

    /// The tree is built by recursion, so its depth has a bound; beyond it is a mistake, not a crash.
    @Test func boundsTheDepthOfTheTree() throws {
        for (opening, closing) in [("[", "]"), (#"{"a":"#, "}")] {
            func nested(_ depth: Int) -> String {
                String(repeating: opening, count: depth) + (opening == "[" ? "" : "1")
                    + String(repeating: closing, count: depth)
            }
            _ = try document(nested(200), isLenient: false)
            #expect(throws: JSONDocument.Failure.self) { try document(nested(201), isLenient: false) }
            #expect(throws: JSONDocument.Failure.self) { try document(nested(100_000), isLenient: true) }
        }
    }

    @Test(arguments: [
        ("{}", "an object"), ("[]", "an array"), ("\"\"", "a string"), ("0", "a number"),
        ("true", "true or false"),
        ("null", "null"),
    ])
    func namesTheTypeOfAValue(text: String, name: String) throws {
        #expect(try document(text, isLenient: false).root.typeName == name)
    }

    private func document(_ text: String, isLenient: Bool) throws(JSONDocument.Failure) -> JSONDocument {
        try JSONDocument(Array(text.utf8), isLenient: isLenient)
    }

    private func show(_ value: JSONValue) -> String {
        switch value.content {
        case .object(let members):
            "{\(members.map { "\($0.name):\(show($0.value))" }.joined(separator: ","))}"
        case .array(let elements): "[\(elements.map(show).joined(separator: ","))]"
        case .string(let text): "\"\(text)\""
        case .number(let text): text
        case .bool(let bool): "\(bool)"
        case .null: "null"
        }
    }
}
