import Events
import Foundation
import Testing

@Suite struct LogfmtTests {
    private var logfmt = LogfmtTranslator()

    @Test(arguments: [
        ("a=1", #"{"a":"1"}"#), ("a=1 b=2\tc=3", #"{"a":"1","b":"2","c":"3"}"#),
        ("  a=1  ", #"{"a":"1"}"#),
        ("retry", #"{"retry":true}"#), ("a=1 retry b=2", #"{"a":"1","retry":true,"b":"2"}"#),
        // empty is absent
        ("a= b=2", #"{"b":"2"}"#), (#"a="" b=2"#, #"{"b":"2"}"#), ("a=", "{}"), ("b=2 a=", #"{"b":"2"}"#),
        (#"msg="order \"7\" paid" n=-1.50"#, #"{"msg":"order \"7\" paid","n":"-1.50"}"#),
        (#"a="x=y z" b==c="#, #"{"a":"x=y z","b":"=c="}"#),
        // bare: a backslash is itself
        (#"path=C:\temp\new"#, #"{"path":"C:\\temp\\new"}"#), (#"a\b=1"#, #"{"a\\b":"1"}"#),
        (#"a="\n\r\t\a\b\f\v\\\/\'""#, #"{"a":"\n\r\t\u0007\u0008\u000c\u000b\\/'"}"#),
        (#"a="\u00e9\u20ac\ud83d\ude00\U0001F600""#, #"{"a":"é€😀😀"}"#),
        (#"a="\x41\xc3\xa9\xF0\x9f\x98\x80\x1f\x22\x5c""#, #"{"a":"Aé😀\u001f\"\\"}"#),
        // what no text can hold stays as it is written
        (#"a="\xff\xc3\x28\xc3""#, #"{"a":"\\xff\\xc3(\\xc3"}"#),
        (
            #"a="\x00\u0000\ud800x\udc00\ud800\u0041\U00110000""#,
            #"{"a":"\\x00\\u0000\\ud800x\\udc00\\ud800A\\U00110000"}"#
        ),
        (#"a="\xe2\x82" b="\xed\xa0\x80""#, #"{"a":"\\xe2\\x82","b":"\\xed\\xa0\\x80"}"#),
        (#"clé="é😀" b=ü"#, #"{"clé":"é😀","b":"ü"}"#),
        ("a=\"x\ty\"", #"{"a":"x\ty"}"#),
        // as slog quotes keys
        (#""a b"=1 "q\""="2""#, #"{"a b":"1","q\"":"2"}"#),
        ("a=1,b;c {d} [e]=f", #"{"a":"1,b;c","{d}":true,"[e]":"f"}"#), ("a='x y'", #"{"a":"'x","y'":true}"#),
        // del is no control character of JSON
        ("a=\u{7F}", "{\"a\":\"\u{7F}\"}"),
    ])
    mutating func readsEveryForm(line: String, json: String) throws {
        #expect(TranslatedChunk.object(line, by: &logfmt) == json)
        _ = try TranslatedChunk.members(json)
    }

    @Test(arguments: [
        ("a=1 a=2", #"{"a":"1","a_2":"2"}"#), ("a=1 a a=3", #"{"a":"1","a_2":true,"a_3":"3"}"#),
        ("a=1 a=2 a_2=x", #"{"a":"1","a_3":"2","a_2":"x"}"#), ("a= a=2", #"{"a":"2"}"#),
        ("a_2=x a=1 a=2 a=3", #"{"a_2":"x","a":"1","a_3":"2","a_4":"3"}"#),
        (#""a b"=1 "a b"=2"#, #"{"a b":"1","a b_2":"2"}"#),
        (#""\x61"=1 a=2"#, #"{"a":"1","a_2":"2"}"#), ("ab=1 ba=2", #"{"ab":"1","ba":"2"}"#),
    ])
    mutating func namesDoubledKeys(line: String, json: String) {
        #expect(TranslatedChunk.object(line, by: &logfmt) == json)
    }

    @Test mutating func namesManyDoubledKeys() throws {
        let line = (0..<20_000).map { "k=\($0)" }.joined(separator: " ")
        let members = try TranslatedChunk.members(try #require(TranslatedChunk.object(line, by: &logfmt)))
        #expect(members.count == 20_000)
        #expect(members["k"] as? String == "0")
        #expect(members["k_20000"] as? String == "19999")
        let distinct = (0..<65).map { "k\($0)=\($0)" }.joined(separator: " ")
        let json = try #require(TranslatedChunk.object(distinct, by: &logfmt))
        #expect(Set(try TranslatedChunk.members(json).keys) == Set((0..<65).map { "k\($0)" }))
    }

    @Test(arguments: [
        ("=1", 1, "a key is expected before the ="), ("a=1 =2", 5, "a key is expected before the ="),
        (#"a="x"#, 3, "the quote that opens here is never closed"),
        (#"é=1 b="x\""#, 8, "the quote that opens here is never closed"),
        (#"a="x\"#, 5, "the line ends in the middle of an escape"),
        (#"a="x\q""#, 5, "this escape does not exist; a backslash is written \\\\"),
        (#"a="\x4""#, 4, "this escape does not exist; a backslash is written \\\\"),
        (#"a="\u12""#, 4, "this escape does not exist; a backslash is written \\\\"),
        (#"a="\U0001F60""#, 4, "this escape does not exist; a backslash is written \\\\"),
        (#"a="x"y"#, 6, "text follows a closing quote; a quote inside is written \\\""),
        (#"a="x"="#, 6, "text follows a closing quote; a quote inside is written \\\""),
        (#"a=x"y""#, 4, "a quote stands inside a value that does not begin with one"),
        (#"a"b=1"#, 2, "a quote stands inside a key that does not begin with one"),
        (#""a b" c=1"#, 6, "a = is expected after a quoted key"),
        (#""a""#, 4, "a = is expected after a quoted key"),
        (#"x=1 ""=1"#, 5, "a key is empty"), (#"a= "b c""#, 9, "a = is expected after a quoted key"),
        ("a=\u{1B}[0m", 3, "a control character stands in a value"),
        ("\u{1B}[31m a=1", 1, "a control character stands in a key"),
        ("a=\"x\u{1}\"", 5, "a control character must be escaped"),
        ("a=1\rb=2", 4, "a control character stands in a value"),
    ])
    mutating func tellsWhatIsMalformed(line: String, column: Int, problem: String) {
        #expect(TranslatedChunk.reason(line, by: &logfmt) == "column \(column): \(problem)")
    }

    /// What came of a line before does not show in the next.
    @Test mutating func forgetsTheLineBefore() {
        _ = TranslatedChunk("a=1 a=2", by: &logfmt)
        #expect(TranslatedChunk.object("a=3", by: &logfmt) == #"{"a":"3"}"#)
        _ = TranslatedChunk("a=1 \"", by: &logfmt)
        #expect(TranslatedChunk.object("a=4", by: &logfmt) == #"{"a":"4"}"#)
    }

    /// Writes keys and values in each way that a writer may, and reads them back with another reader of JSON.
    @Test mutating func readsWhatWritersWrite() throws {
        let letters = ["a", "b", "z", "_", "-", "é", "😀", "€", "\\", "/", ".", "7", "@"]
        let others = [" ", "=", "\"", "\n", "\t", "\r", "\u{1}", "\u{1F}", "\u{7F}", "'", "{", "\u{FFFD}"]
        var dice = TextDice(seed: 11)
        for _ in 0..<3_000 {
            var expected: [String: String] = [:]
            var parts: [String] = []
            for _ in 0..<dice.number(in: 0...90) where dice.chance(20) {
                let isPlainKey = dice.chance(80)
                let key = dice.text(of: isPlainKey ? letters : letters + others, lengths: 1...12)
                let isPlain = dice.chance(50)
                let value = dice.text(of: isPlain ? letters : letters + others, lengths: 0...30)
                guard expected[key] == nil, !expected.keys.contains(where: { key.hasPrefix($0 + "_") }) else {
                    continue
                }
                let writtenKey = isPlainKey ? key : quoted(key, &dice)
                let writtenValue = isPlain && dice.chance(70) ? value : quoted(value, &dice)
                if value.isEmpty {
                    parts.append("\(writtenKey)=\(dice.chance(50) ? "" : "\"\"")")
                } else {
                    expected[key] = value
                    parts.append("\(writtenKey)=\(writtenValue)")
                }
            }
            let line = parts.joined(separator: dice.pick([" ", "  ", "\t"]))
            guard !line.isEmpty else { continue }
            let json = try #require(TranslatedChunk.object(line, by: &logfmt))
            #expect(try TranslatedChunk.members(json) as? [String: String] == expected, "\(line)")
        }
    }

    private func quoted(_ text: String, _ dice: inout TextDice) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            let isLong = scalar.value >= 0x80
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n" where dice.chance(50): result += "\\n"
            case "\t" where dice.chance(50): result += dice.pick(["\\t", "\t"])
            case _ where scalar.value < 0x20 || dice.chance(10):
                if dice.chance(50) {
                    result += Array(String(scalar).utf8).map { String(format: "\\x%02x", $0) }.joined()
                } else {
                    result += Array(String(scalar).utf16).map { String(format: "\\u%04X", $0) }.joined()
                }
            case _ where isLong && dice.chance(20): result += String(format: "\\U%08x", scalar.value)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    @Test mutating func writesSoundJSONOfAnything() throws {
        try TranslatedChunk.expectSound(
            [
                "a", "b", "=", "=", " ", " ", "\"", "\"", "\\", "\\\"", "\\x", "\\xff", "\\xc3", "\\xa9",
                "\\u", "\\ud8",
                "00", "\\ude00", "\\U", "é", "😀", "\t", "\u{1}", "\u{7F}", "n", "0", "a=\"", "\" b=",
                "\u{2028}",
            ], seed: 5, rounds: 30_000, by: &logfmt)
    }
}
