import Events
import Fuzz
import Testing

/// RFC 8259 (JSON) and RFC 3629 (UTF-8). The tables agree with Python's `json.loads` of the same bytes, but for
/// the words `NaN` and `Infinity`, which Python allows.
@Suite struct JSONScannerTests {
    @Test(arguments: [
        "0", "-0", "7", "10", "-12", "0.5", "-0.0", "3.25", "1e1", "1E1", "1e+1", "1e-1", "0e0", "0E+00",
        "123.456e-007", "-9.99E99", "12345678901234567890123456789012345678901234567890", "1e400",
        "true", "false", "null",
        #""""#, #""a""#, #"" ""#, #""é""#, #""€""#, #""😀""#, "\"\u{7F}\"", "\"\u{2028}\"", "\"\u{FFFF}\"",
        #""\"\\\/\b\f\n\r\t""#, #""\u0041""#, #""\u00e9\u00E9\uABCD\uabcd""#, #""\ud83d\ude00""#,
        #""\uD83D\uDE00""#, #""\uffff\ufffe""#, #""\\u""#, #""\\\"""#, #""\\\\""#, #""/""#, #""'""#,
        "[]", "[ ]", "[1]", "[1,2]", "[[]]", "[[],[]]", "[{},{}]", "[\"\"]", "[null,true,false,-1.5e3,\"x\"]",
        "{}", "{ }", #"{"a":1}"#, #"{"a":{}}"#, #"{"a":[]}"#, #"{"":""}"#, #"{"a":1,"b":2}"#,
        #"{"a":1,"a":2}"#,
        #"{"a\"b":1}"#, #"{"\u0061":1,"é":2}"#, #"{"a":{"b":[{"c":null}]}}"#,
        " 1", "1 ", "\t\r\n 1\t\r\n ", " [ 1 , 2 ] ", " { \"a\" : 1 , \"b\" : [ ] } ", "\r[\n1\r,\n2\t]\t",
    ])
    func acceptsWellFormed(text: String) {
        #expect(ScannerVerdict(text.utf8) == .sound)
    }

    @Test(
        arguments: [
            // nothing, or not all of it
            ("", .unexpectedEnd, 0), (" \r\n\t", .unexpectedEnd, 4), ("[", .unexpectedEnd, 1),
            ("[1", .unexpectedEnd, 2),
            ("[1,", .unexpectedEnd, 3), ("{", .unexpectedEnd, 1), (#"{"a""#, .unexpectedEnd, 4),
            (#"{"a":"#, .unexpectedEnd, 5), (#"{"a":1"#, .unexpectedEnd, 6), (#"{"a":1,"#, .unexpectedEnd, 7),
            ("[[]", .unexpectedEnd, 3),
            // what is no value
            ("]", .expectedValue, 0), ("}", .expectedValue, 0), (",", .expectedValue, 0),
            (":", .expectedValue, 0),
            ("[,]", .expectedValue, 1), ("[1,]", .expectedValue, 3), ("[1,,2]", .expectedValue, 3),
            (#"{"a":}"#, .expectedValue, 5), (#"{"a":,"b":1}"#, .expectedValue, 5), ("+1", .expectedValue, 0),
            (".5", .expectedValue, 0), ("-.5", .badNumber, 0), ("'a'", .expectedValue, 0),
            ("\0", .expectedValue, 0),
            ("[\0]", .expectedValue, 1), ("\u{0B}1", .expectedValue, 0), ("\u{0C}1", .expectedValue, 0),
            ("\u{A0}1", .expectedValue, 0), ("\u{FEFF}1", .expectedValue, 0),
            ("/* c */ 1", .expectedValue, 0),
            ("[1, // c\n2]", .expectedValue, 4), ("#", .expectedValue, 0), ("-", .badNumber, 0),
            // objects
            ("{,}", .expectedKey, 1), ("{1:2}", .expectedKey, 1), ("{a:1}", .expectedKey, 1),
            ("{'a':1}", .expectedKey, 1),
            (#"{"a":1,}"#, .expectedKey, 7), (#"{"a":1,,"b":2}"#, .expectedKey, 7),
            ("{null:1}", .expectedKey, 1),
            ("{[]:1}", .expectedKey, 1), (#"{"a"}"#, .expectedColon, 4), (#"{"a" 1}"#, .expectedColon, 5),
            (#"{"a",1}"#, .expectedColon, 4), (#"{"a"::1}"#, .expectedValue, 5),
            (#"{"a":1:2}"#, .expectedCommaOrBrace, 6),
            (#"{"a":1 "b":2}"#, .expectedCommaOrBrace, 7), (#"{"a":1]"#, .expectedCommaOrBrace, 6),
            // arrays
            ("[1 2]", .expectedCommaOrBracket, 3), ("[1}", .expectedCommaOrBracket, 2),
            (#"["a":1]"#, .expectedCommaOrBracket, 4), ("[1\0]", .expectedCommaOrBracket, 2),
            ("[1\u{0B}]", .expectedCommaOrBracket, 2), ("[[]}", .expectedCommaOrBracket, 3),
            // numbers
            ("00", .badNumber, 0), ("01", .badNumber, 0), ("-01", .badNumber, 0), ("00.5", .badNumber, 0),
            ("1.", .badNumber, 0), ("-1.", .badNumber, 0), ("1.e1", .badNumber, 0), ("1e", .badNumber, 0),
            ("1E+", .badNumber, 0), ("1e-", .badNumber, 0), ("1e+-1", .badNumber, 0), ("1e.5", .badNumber, 0),
            ("--1", .badNumber, 0), ("-a", .badNumber, 0), ("- 1", .badNumber, 0), ("[1.]", .badNumber, 1),
            ("1a", .trailingText, 1), ("0x10", .trailingText, 1), ("1_000", .trailingText, 1),
            ("1.5.5", .trailingText, 3),
            ("1e5e5", .trailingText, 3), ("1e5.5", .trailingText, 3), ("1-1", .trailingText, 1),
            ("1,000", .trailingText, 1),
            ("-Infinity", .badNumber, 0), ("\u{0661}", .expectedValue, 0), ("\u{FF11}", .expectedValue, 0),
            // words
            ("True", .badLiteral, 0), ("TRUE", .badLiteral, 0), ("nul", .badLiteral, 0),
            ("nulL", .badLiteral, 0),
            ("tru", .badLiteral, 0), ("t", .badLiteral, 0), ("fals", .badLiteral, 0),
            ("falsy", .badLiteral, 0),
            ("None", .badLiteral, 0), ("undefined", .badLiteral, 0), ("NaN", .badLiteral, 0),
            ("Infinity", .badLiteral, 0),
            ("nullx", .trailingText, 4), ("truetrue", .trailingText, 4),
            ("[nulls]", .expectedCommaOrBracket, 5),
            // more than one value
            ("1 2", .trailingText, 2), ("{}{}", .trailingText, 2), ("[]]", .trailingText, 2),
            ("{}}", .trailingText, 2),
            (#""a""b""#, .trailingText, 3), ("1\0", .trailingText, 1), ("{}\u{FEFF}", .trailingText, 2),
            ("1,", .trailingText, 1),
            // strings
            ("\"", .unterminatedString, 0), ("\"a", .unterminatedString, 0), (#""\"#, .unterminatedString, 0),
            (#""\""#, .unterminatedString, 0), (#""\\\""#, .unterminatedString, 0),
            (#"["a,1]"#, .unterminatedString, 1),
            (#"{"a:1}"#, .unterminatedString, 1), ("\"\0\"", .controlCharacter, 1),
            ("\"a\tb\"", .controlCharacter, 2),
            ("\"a\nb\"", .controlCharacter, 2), ("\"\u{1F}\"", .controlCharacter, 1),
            ("{\"\r\":1}", .controlCharacter, 2),
            (#""\a""#, .badEscape, 1), (#""\'""#, .badEscape, 1), (#""\0""#, .badEscape, 1),
            (#""\x41""#, .badEscape, 1),
            (#""\U0041""#, .badEscape, 1), (#""\ ""#, .badEscape, 1), ("\"\\\n\"", .badEscape, 1),
            (#""\é""#, .badEscape, 1),
            (#""\u""#, .badEscape, 1), (#""\u0""#, .badEscape, 1), (#""\u00""#, .badEscape, 1),
            (#""\u004""#, .badEscape, 1),
            (#""\u004g""#, .badEscape, 1), (#""\u+041""#, .badEscape, 1), (#""\u 041""#, .badEscape, 1),
            (#""\u-001""#, .badEscape, 1), (#""\u{41}""#, .badEscape, 1), (#""\u0041\u00G0""#, .badEscape, 7),
            (#""\u00"#, .badEscape, 1), (#""\ud83d\u""#, .badEscape, 7), (#""\ud83d\u12""#, .badEscape, 7),
            (#""\ud83d\x""#, .badEscape, 7), (#""\u００４１""#, .badEscape, 1), (#"{"\q":1}"#, .badEscape, 2),
        ] as [(String, JSONError.Problem, Int)])
    func refusesMalformed(text: String, problem: JSONError.Problem, offset: Int) {
        #expect(ScannerVerdict(text.utf8) == .malformed(problem, at: offset))
    }

    @Test(
        arguments: [
            (#""\u0000""#, .nulCharacter(1)), (#"["a","b\u0000c"]"#, .nulCharacter(7)),
            (#"{"\u0000":1}"#, .nulCharacter(2)),
            (#""\ud800""#, .loneSurrogate(1)), (#""\uDBFFx""#, .loneSurrogate(1)),
            (#""\udc00""#, .loneSurrogate(1)),
            (#""\uDFFF\uD800""#, .loneSurrogate(1)), (#""\ud800\ud800\udc00""#, .loneSurrogate(1)),
            (#""\ud800\u0041""#, .loneSurrogate(1)), (#""\ud800\n""#, .loneSurrogate(1)),
            (#""\ud83d\ude00\ude00""#, .loneSurrogate(13)), (#""\ud800\\udc00""#, .loneSurrogate(1)),
            (#"{"\udead":1}"#, .loneSurrogate(2)),
            // the first of several
            (#"["\u0000","\ud800"]"#, .nulCharacter(2)), (#"["\ud800","\u0000"]"#, .loneSurrogate(2)),
            (#"[1e999999,"\u0000"]"#, .numberOutOfRange(1)),
            // PostgreSQL 15 refuses these as jsonb and takes their neighbours in `takesNumbersThatNumericHolds`
            ("1e131072", .numberOutOfRange(0)), ("-1e131072", .numberOutOfRange(0)),
            ("10e131071", .numberOutOfRange(0)),
            ("1e-16384", .numberOutOfRange(0)), ("1.0e-16383", .numberOutOfRange(0)),
            ("100e-16385", .numberOutOfRange(0)),
            ("1e1073741823", .numberOutOfRange(0)), ("1e99999999999999999999999999", .numberOutOfRange(0)),
            ("1e-99999999999999999999999999", .numberOutOfRange(0)), ("[0,1E+131072]", .numberOutOfRange(3)),
        ] as [(String, JSONScanner.Hazard)])
    func notesWhatJSONBCannotHold(text: String, hazard: JSONScanner.Hazard) {
        #expect(ScannerVerdict(text.utf8) == .hazard(hazard))
    }

    @Test func takesNumbersThatNumericHolds() {
        for text in [
            "1e131071", "10e131070", "1e-16383", "1.0e-16382", "0.1e131071", "1e0000000000000000000005",
        ] {
            #expect(ScannerVerdict(text.utf8) == .sound, "\(text)")
        }
        let most = String(repeating: "9", count: 131_072) + "." + String(repeating: "9", count: 16_383)
        #expect(ScannerVerdict(most.utf8) == .sound)
        #expect(ScannerVerdict(("9" + most).utf8) == .hazard(.numberOutOfRange(0)))
        #expect(ScannerVerdict((most + "9").utf8) == .hazard(.numberOutOfRange(0)))
    }

    @Test(
        arguments: [
            // the first and the last of each length (RFC 3629, section 3), and around the surrogates
            ([0xC2, 0x80], true), ([0xDF, 0xBF], true), ([0xE0, 0xA0, 0x80], true),
            ([0xED, 0x9F, 0xBF], true),
            ([0xEE, 0x80, 0x80], true), ([0xEF, 0xBF, 0xBF], true), ([0xF0, 0x90, 0x80, 0x80], true),
            ([0xF4, 0x8F, 0xBF, 0xBF], true), ([0xF3, 0xBF, 0xBF, 0xBF], true), ([0xE1, 0x80, 0x80], true),
            // longer than need be
            ([0xC0, 0x80], false), ([0xC0, 0xAF], false), ([0xC1, 0xBF], false), ([0xE0, 0x80, 0x80], false),
            ([0xE0, 0x9F, 0xBF], false), ([0xF0, 0x80, 0x80, 0x80], false),
            ([0xF0, 0x8F, 0xBF, 0xBF], false),
            ([0xF8, 0x88, 0x80, 0x80, 0x80], false), ([0xFC, 0x84, 0x80, 0x80, 0x80, 0x80], false),
            // surrogates, alone and as a pair (CESU-8)
            ([0xED, 0xA0, 0x80], false), ([0xED, 0xBF, 0xBF], false),
            ([0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80], false),
            // above U+10FFFF
            ([0xF4, 0x90, 0x80, 0x80], false), ([0xF5, 0x80, 0x80, 0x80], false),
            ([0xF7, 0xBF, 0xBF, 0xBF], false),
            ([0xFE], false), ([0xFF], false),
            // continuations without a start, and starts without continuations
            ([0x80], false), ([0xBF], false), ([0xC3, 0xA9, 0xA9], false), ([0xC3], false),
            ([0xE2, 0x82], false),
            ([0xE2], false), ([0xF0, 0x9F, 0x98], false), ([0xF0, 0x9F], false), ([0xF0], false),
            ([0xC3, 0xC3, 0xA9], false),
            ([0xE2, 0x82, 0x41], false), ([0xE2, 0x41, 0xAC], false), ([0xF0, 0x9F, 0x98, 0x41], false),
            ([0xF0, 0x9F, 0xC0, 0x80], false), ([0xE1, 0x80, 0xC0], false),
            ([0xF1, 0x80, 0x80, 0xC0], false),
            ([0xF4, 0x8F, 0xBF, 0xC0], false),
        ] as [([UInt8], Bool)])
    func knowsUTF8(character: [UInt8], isValid: Bool) {
        let text = Array("\"ab".utf8) + character
        let start = character.starts(with: [0xC3, 0xA9]) ? 5 : 3
        #expect(ScannerVerdict(text + [0x22]) == (isValid ? .sound : .malformed(.invalidUTF8, at: start)))
        #expect(ScannerVerdict([0x22] + character + Array("abcdefgh\"".utf8)).isWellFormed == isValid)
        #expect(
            ScannerVerdict(text)
                == .malformed(isValid ? .unterminatedString : .invalidUTF8, at: isValid ? 0 : start))
        #expect(character.withUnsafeBufferPointer(firstInvalidUTF8) == (isValid ? nil : start - 3))
    }

    /// Every lead byte with every second byte, and what the standard library says of both.
    @Test func agreesWithTheStandardLibraryOnUTF8() {
        var differences: [[UInt8]] = []
        for lead in UInt8(0x80)...0xFF {
            for second in UInt8.min...0xFF {
                for tail in [[], [0x80], [0xBF], [0x80, 0x80], [0xBF, 0xBF], [0x80, 0x41]] as [[UInt8]] {
                    let bytes = [lead, second] + tail
                    let ours = bytes.withUnsafeBufferPointer(firstInvalidUTF8) == nil
                    if ours != (String(validating: bytes, as: UTF8.self) != nil) { differences.append(bytes) }
                }
            }
        }
        #expect(differences == [])
    }

    @Test func nestsAsDeepAsMemoryAllows() {
        let depth = 100_000
        for (opening, middle, closing) in [
            ("[", "", "]"), (#"{"a":"#, "1", "}"), (#"[{"a":"#, "null", "}]"),
            (#"{"a":[[1,"#, "2", #"],{"b":0}]}"#),
        ] {
            let text =
                String(repeating: opening, count: depth) + middle + String(repeating: closing, count: depth)
            // Well-formed, and deeper than jsonb is read.
            guard case .hazard(.tooDeep) = ScannerVerdict(text.utf8) else {
                Issue.record("\(opening) is \(ScannerVerdict(text.utf8))")
                continue
            }
            #expect(
                ScannerVerdict(text.utf8.dropLast()) == .malformed(.unexpectedEnd, at: text.utf8.count - 1))
            #expect(ScannerVerdict((text + closing).utf8) == .malformed(.trailingText, at: text.utf8.count))
        }
    }

    /// The kinds of the containers around a value are kept 64 to a word: one wrong bracket at each depth is seen.
    @Test func seesAWrongBracketAtEachDepth() {
        var random = SeededGenerator(seed: 64)
        let kinds = (0..<200).map { _ in Bool.random(using: &random) }
        let opening = Array((kinds.map { $0 ? #"{"a":"# : "[" }.joined() + "0").utf8)
        for wrong in kinds.indices {
            var closing = kinds.reversed().map { $0 ? UInt8(ascii: "}") : UInt8(ascii: "]") }
            #expect(ScannerVerdict(opening + closing) == .sound)
            let isObject = kinds[wrong]
            closing[199 - wrong] = isObject ? UInt8(ascii: "]") : UInt8(ascii: "}")
            #expect(
                ScannerVerdict(opening + closing)
                    == .malformed(
                        isObject ? .expectedCommaOrBrace : .expectedCommaOrBracket,
                        at: opening.count + 199 - wrong))
        }
    }

    /// A string is scanned eight bytes at a time: each byte that ends or breaks one, at each place of each length,
    /// among neighbours that differ from it by one bit or by a borrow.
    @Test func findsSpecialBytesAtEachPlaceOfAString() {
        let quote = UInt8(ascii: "\"")
        let plain: [UInt8] = [0x20, 0x21, 0x23, 0x5B, 0x5D, 0x61, 0x7F]
        let specials: [[UInt8]] = [
            [quote], Array(#"\n"#.utf8), Array(#"\u0041"#.utf8), [0x00], [0x01], [0x1F], [0x80], [0xA2],
            [0xDC], [0xFF],
            Array("é".utf8), Array("😀".utf8), [0xE2, 0x82], [],
        ]
        var failures: [String] = []
        for length in 0...40 {
            for place in 0...length {
                for special in specials {
                    let filler = plain[(length + place) % plain.count]
                    let other = plain[(length * 3 + place * 5) % plain.count]
                    let text =
                        [quote] + Array(repeating: filler, count: place) + special
                        + Array(repeating: other, count: length - place) + [quote]
                    let expected: ScannerVerdict =
                        switch special.first {
                        case quote where length > place && other == 0x20:
                            .malformed(.trailingText, at: 1 + length + 1)
                        case quote: .malformed(.trailingText, at: place + 2)
                        case 0x00?, 0x01?, 0x1F?: .malformed(.controlCharacter, at: place + 1)
                        case 0x80?, 0xA2?, 0xDC?, 0xFF?, 0xE2?: .malformed(.invalidUTF8, at: place + 1)
                        default: .sound
                        }
                    if ScannerVerdict(text) != expected {
                        failures.append("\(text): \(ScannerVerdict(text)), not \(expected)")
                    }
                    let open = text.dropLast()
                    if expected == .sound, ScannerVerdict(open) != .malformed(.unterminatedString, at: 0) {
                        failures.append("\(open): \(ScannerVerdict(open))")
                    }
                }
            }
        }
        #expect(failures == [])
    }

    @Test(
        arguments: [
            (#""ab""#, .string, false, 1..<3), (#"  "a\n" "#, .string, true, 3..<6),
            (#""""#, .string, false, 1..<1),
            (" -1.5e3 ", .number, false, 1..<7), ("\ttrue", .literal, false, 1..<5),
            ("null", .literal, false, 0..<4),
            (#" {"a":[1]} "#, .object, false, 1..<10), (" [ ] ", .array, false, 1..<4),
            ("[\"\\n\"]", .array, false, 0..<6),
        ] as [(String, JSONScanner.Kind, Bool, Range<Int>)])
    func tellsTheKindAndPlaceOfAValue(
        text: String, kind: JSONScanner.Kind, hasEscapes: Bool, place: Range<Int>
    ) throws {
        var text = text
        try text.withUTF8 { bytes in
            var scanner = JSONScanner(bytes.baseAddress!, from: 0, to: bytes.count)
            let token = try scanner.scanValue()
            #expect(token.kind == kind)
            #expect(token.hasEscapes == hasEscapes)
            #expect(token.start..<token.end == place)
            try scanner.expectEnd()
        }
    }

    /// What stands behind the end is not looked at, even where it would complete the value.
    @Test func keepsWithinItsEnd() {
        let text = Array(
            #"[{"kéy":"a\u0041\ud83d\ude00é😀"},-12.50e-3,true,false,null,"abcdefghijklmnop"]"#.utf8)
        for end in text.indices {
            #expect(ScannerVerdict(text, 0..<end) == ScannerVerdict(text[..<end]), "\(end)")
            #expect(!ScannerVerdict(text, 0..<end).isWellFormed)
        }
        let number = Array("12345".utf8)
        for end in 1...5 { #expect(ScannerVerdict(number, 0..<end) == .sound) }
    }
}
