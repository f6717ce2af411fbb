import Events
import Foundation
import Testing

@Suite struct RegexTranslatorTests {
    @Test(arguments: [
        (
            #"^(?<time>\S+ \S+) (?<level>[A-Z]+) \[(?<thread>[^\]]+)\] (?<logger>\S+) - (?<message>.*)$"#,
            "2026-01-02 03:04:05,123 INFO [main] shop.Orders - order \"7\" paid\tin C:\\x",
            #"{"time":"2026-01-02 03:04:05,123","level":"INFO","thread":"main","logger":"shop.Orders","#
                + #""message":"order \"7\" paid\tin C:\\x"}"#
        ),
        // anywhere, the first match only
        (#"n=(?<n>\d+)"#, "a n=12 n=3", #"{"n":"12"}"#), (#"n=(?<n>\d+)$"#, "a n=12 n=3", #"{"n":"3"}"#),
        // took no part, or matched nothing
        (#"(?<a>x)?(?<b>y*)(?<c>z)"#, "z", #"{"c":"z"}"#), (#"(?<a>x)|(?<b>y)"#, "y", #"{"b":"y"}"#),
        ("(?<a>)", "x", "{}"),
        // names of other tools
        (#"(?P<request_time>\d+)(?P<_a1>\D)"#, "12x", #"{"request_time":"12","_a1":"x"}"#),
        // numbers count unnamed groups too
        (#"(a)(?:b)(?<c>c)(?=d)(?<!x)(d)(?<e>e)"#, "abcde", #"{"c":"c","e":"e"}"#),
        (#"(?<a>.)\k<a>(?<b>.)\k<b>0"#, "aabb0", #"{"a":"a","b":"b"}"#),
        (#"(?<a>.)\k<a>1"#, "xx1", #"{"a":"x"}"#),
        // nested
        (#"(?<all>(?<first>\w)\w*) "#, "shop 1", #"{"all":"shop","first":"s"}"#),
        // parentheses that are none
        (#"\((?<a>[()\]]+)\)"#, "(()])", #"{"a":"()]"}"#),
        (#"(?<a>[]()]+)[^]](?<b>[[a](]+)"#, "])xa(", #"{"a":"])","b":"a("}"#),
        (#"\Q(?<x>\E(?<a>.)"#, "(?<x>y", #"{"a":"y"}"#), ("(?#(?<x>y)(?<a>.)", "z", #"{"a":"z"}"#),
        ("(?x) (?<a> . ) # (?<b>\n (?<c> . )", "xy", #"{"a":"x","c":"y"}"#),
        ("(?x: # (\n (?<a> .)) #(?<b>.)", "x #y", #"{"a":"x","b":"y"}"#),
        ("(?<a>.)#(?<b>.)", "x#y", #"{"a":"x","b":"y"}"#),
        ("(?x)(?-x)#(?<b>.)", "#y", #"{"b":"y"}"#), ("(?i)GET (?<a>/)", "get /", #"{"a":"/"}"#),
        // not ASCII: units of UTF-16 are no bytes
        ("é(?<a>ü+)😀(?<b>.)(?<c>.*)$", "xéüü😀😀€ €", #"{"a":"üü","b":"😀","c":"€ €"}"#),
        ("(?<a>.*)", "a\rb\u{85}c\u{2028}d\u{7F}\u{1}", "{\"a\":\"a\\rb\u{85}c\u{2028}d\u{7F}\\u0001\"}"),
        ("(?<clef_1>€)", "€", #"{"clef_1":"€"}"#),
    ])
    func readsNamedGroups(pattern: String, line: String, json: String) throws {
        var regex = try RegexTranslator(pattern)
        #expect(TranslatedChunk.object(line, by: &regex) == json)
        _ = try TranslatedChunk.members(json)
        // again, and with a line of another kind between
        _ = TranslatedChunk("ä", by: &regex)
        #expect(TranslatedChunk.object(line, by: &regex) == json)
    }

    @Test func listsTheNamesInOrder() throws {
        let regex = try RegexTranslator(#"(?<b>x)(y)(?P<a_1>(?<c>z))"#)
        #expect(regex.groupNames == ["b", "a_1", "c"])
        #expect(regex.pattern == #"(?<b>x)(y)(?P<a_1>(?<c>z))"#)
    }

    @Test(
        arguments: [
            (#"^\d+$"#, nil, .noNamedGroup), ("", nil, .noNamedGroup), ("(a)(?:b)", nil, .noNamedGroup),
            ("(?<a>x)(?<a>y)", 8, .doubledGroup("a")), ("é(?<a>x)|(?P<a>y)", 10, .doubledGroup("a")),
            ("(?<a-b>x)", 1, .badName("a-b")), ("(?<>x)", 1, .badName("")), ("x(?<1>x)", 2, .badName("1")),
            ("(?<é>x)", 1, .badName("é")), ("(?<a", 1, .badName("a")),
            (#"(?<a>x)\k<b>"#, 8, .unknownGroup("b")), (#"\k<a>(?<a>x)"#, 1, .unknownGroup("a")),
            ("x((?<a>x)", 2, .unclosedGroup), ("(?<a>x))", 8, .unopenedGroup), (")(?<a>x", 1, .unopenedGroup),
            ("(?<a>[x)", 6, .unclosedSet), ("(?<a>[]x)", 6, .unclosedSet), ("(?x(?<a>x)", 1, .unclosedGroup),
            ("(?<a>x**)", nil, .notRegular), ("(?<a>x{2,1})", nil, .notRegular),
            (#"(?<a>x)\"#, nil, .notRegular),
            ("(?'a'x)", 1, .foreignGroup), ("(?P<a>x)(?P=a)", 9, .foreignGroup),
            ("(?<a>[z-a])", nil, .notRegular),
        ] as [(String, Int?, RegexPatternError.Reason)])
    func tellsWhatIsWrongWithAPattern(pattern: String, position: Int?, reason: RegexPatternError.Reason) {
        do {
            let regex = try RegexTranslator(pattern)
            Issue.record("\(pattern) was taken, with the groups \(regex.groupNames)")
        } catch {
            #expect(error.reason == reason)
            #expect(error.position == position)
            #expect(error.description.hasPrefix(position.map { "character \($0): " } ?? "the pattern "))
        }
    }

    @Test(arguments: ["x", "ä", "n=", "\u{1}"])
    func refusesALineThatDoesNotMatch(line: String) throws {
        var regex = try RegexTranslator(#"n=(?<n>\d+)"#)
        #expect(TranslatedChunk.reason(line, by: &regex) == "the line does not match the pattern")
    }

    /// Nested repetitions would take longer than a life.
    @Test func givesUpInTime() throws {
        var regex = try RegexTranslator(#"^(?<a>(x+x+)+)y"#, maxSeconds: 0.1)
        let start = ContinuousClock.now
        let line = String(repeating: "x", count: 60)
        #expect(
            TranslatedChunk.reason(line, by: &regex) == "the pattern takes more than 0.1 s on this line")
        #expect(ContinuousClock.now - start < .seconds(5))
        #expect(TranslatedChunk.object("xxy", by: &regex) == #"{"a":"xx"}"#)
        // where the search begins anew at each place
        var search = try RegexTranslator(#"(?<a>x*x*x*x*)y"#, maxSeconds: 0.1)
        #expect(
            TranslatedChunk.reason(String(repeating: "x", count: 5_000), by: &search)
                == "the pattern takes more than 0.1 s on this line")
    }

    @Test func givesUpWhereMemoryEnds() throws {
        var regex = try RegexTranslator(#"^(?<a>(?:x|y)*)z"#)
        #expect(
            TranslatedChunk.reason(String(repeating: "xy", count: 1_000_000), by: &regex)
                == "the pattern takes too much memory on this line")
    }

    /// Fields of random characters between separators, written by the test and read by a pattern.
    @Test func readsWhatWasWritten() throws {
        var regex = try RegexTranslator(#"^<(?<a>[^>]*)><(?<b_2>[^>]*)><(?<c>[^>]*)>$"#)
        var dice = TextDice(seed: 31)
        let alphabet = ["a", " ", "é", "😀", "€", "\"", "\\", "\t", "\u{1}", "\u{2028}", "\r", "e\u{301}"]
        for _ in 0..<2_000 {
            let values = (0..<3).map { _ in dice.text(of: alphabet, lengths: 0...12) }
            let line = values.map { "<\($0)>" }.joined()
            let members = try TranslatedChunk.members(try #require(TranslatedChunk.object(line, by: &regex)))
            let expected = zip(["a", "b_2", "c"], values).filter { !$0.1.isEmpty }
            #expect(members.count == expected.count)
            for (name, value) in expected {
                #expect((members[name] as? String).map { Array($0.utf8) } == Array(value.utf8), "\(line)")
            }
        }
    }

    @Test func writesSoundJSONOfAnything() throws {
        var regex = try RegexTranslator(#"(?<a>.)(?<b>[^a]*)(?<c>a.*)?"#)
        try TranslatedChunk.expectSound(
            ["a", "b", "\"", "\\", "é", "😀", "\u{1}", "\t", "\r", "\u{2028}", "e\u{301}"], seed: 7,
            rounds: 5_000, by: &regex)
    }

    /// No pattern makes the reader of patterns crash; what ICU takes has the groups that were counted.
    @Test func readsAnyPattern() {
        var dice = TextDice(seed: 8)
        let parts = [
            "(", ")", "(?<a>", "(?P<b>", "(?:", "(?x)", "(?-x:", "(?#", "[", "]", "^", "\\", "\\Q", "\\E",
            "\\k<a>", "x", "#",
            "\n", " ", "é", "*", "?", "|", "(?", "(?<", ">",
        ]
        for _ in 0..<20_000 {
            let pattern = dice.text(of: parts, lengths: 0...10)
            guard var regex = try? RegexTranslator(pattern, maxSeconds: 0.2) else { continue }
            #expect(!regex.groupNames.isEmpty)
            _ = TranslatedChunk("xé x#", by: &regex)
        }
    }
}
