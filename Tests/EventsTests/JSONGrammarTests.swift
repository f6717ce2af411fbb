import Events
import Testing

/// Every short text over the bytes that a rule is about, against rules written anew from RFC 8259 and RFC 3629.
@Suite struct JSONGrammarTests {
    /// The texts that are judged otherwise, of each combination of up to `count` pieces between the two of the frame.
    private func judge(_ pieces: [String], upTo count: Int, in frame: (String, String) = ("", "")) -> [String]
    {
        var differences: [String] = []
        var allowed = 0
        var texts = [""]
        for _ in 0..<count {
            texts = texts.flatMap { text in pieces.map { text + $0 } }
            for text in texts {
                let framed = Array((frame.0 + text + frame.1).utf8)
                let isAllowed = JSONGrammar.allows(framed)
                if isAllowed { allowed += 1 }
                if ScannerVerdict(framed).isWellFormed != isAllowed {
                    differences.append(frame.0 + text + frame.1)
                }
            }
        }
        #expect(allowed > count)
        return differences
    }

    @Test func numbers() {
        #expect(judge(["0", "1", "9", "-", "+", ".", "e", "E"], upTo: 5) == [])
        #expect(judge(["0", "1", "-", "+", ".", "e"], upTo: 5, in: ("[-0,", "]")) == [])
    }

    @Test func structure() {
        #expect(judge(["{", "}", "[", "]", ",", ":", "\"\"", "0"], upTo: 5) == [])
        #expect(judge(["{", "}", "[", "]", ",", ":", "\"\""], upTo: 5, in: ("{\"a\":[", "]}")) == [])
    }

    /// In front of a string's end as behind eight bytes, where the scan goes by words.
    @Test func escapes() {
        for before in ["", "abcdefg", "abcdefgh"] {
            #expect(judge(["\\", "u", "\"", "D", "8", "g", "é"], upTo: 5, in: ("\"" + before, "\"")) == [])
        }
        #expect(judge(["\\", "u", "d8", "dc", "00", "\""], upTo: 5, in: ("\"", "00\"")) == [])
    }

    /// Section 7 for each byte there is: after a backslash, as a hexadecimal digit, and as itself.
    @Test func everyByteInAString() {
        for byte in UInt8.min...0x7F {
            for before in 0...9 {
                let filler = [UInt8](repeating: 0x61, count: before)
                for text in [[byte], [0x5C, byte], [0x5C, byte, 0x22]]
                    + (0..<4).map({ place in
                        var escape = Array("\\u0041".utf8)
                        escape[2 + place] = byte
                        return escape
                    })
                {
                    let string = [0x22] + filler + text + filler + [0x22]
                    #expect(
                        ScannerVerdict(string).isWellFormed == JSONGrammar.allows(string),
                        "\(String(decoding: string, as: UTF8.self))")
                }
            }
        }
    }

    /// Section 2: of all bytes, four are white space, and none else may stand between two tokens.
    @Test func fourBytesAreWhiteSpace() {
        for byte in UInt8.min ... .max {
            let isSpace = [0x20, 0x09, 0x0A, 0x0D].contains(byte)
            for (before, after) in [
                ("", "{}"), ("{}", ""), ("{", "}"), ("[", "]"), ("[null", ",0]"), ("[null,", "true]"),
                ("{\"a\"", ":0}"), ("{\"a\":", "\"\"}"), ("{\"a\":[]", "}"), ("{", "\"a\":0}"),
                ("{\"a\":false,", "\"b\":0}"),
            ] {
                let text = Array(before.utf8) + [byte] + Array(after.utf8)
                let isDigit =
                    (0x30...0x39).contains(byte) && before == "["
                #expect(
                    ScannerVerdict(text).isWellFormed == (isSpace || isDigit), "\(before) \(byte) \(after)")
            }
        }
    }

    @Test func aMarkIsNoWhiteSpace() {
        for text in ["\u{FEFF}{}", "{}\u{FEFF}", "{\u{FEFF}}", "[1,\u{FEFF}2]", "{\"a\":\u{FEFF}1}"] {
            #expect(!ScannerVerdict(text.utf8).isWellFormed, "\(text.debugDescription)")
        }
        #expect(ScannerVerdict("{\"\u{FEFF}\":\"a\u{FEFF}\"}".utf8) == .sound)
    }

    // MARK: - RFC 3629

    /// Section 3's formula for each value at a border, in each number of bytes that could hold it: one is right.
    @Test func oneEncodingOfEachCharacter() {
        let borders: [UInt32] = [
            0x80, 0x7FF, 0x800, 0xFFF, 0x1000, 0xD7FF, 0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xE000, 0xFFFD, 0xFFFE,
            0xFFFF,
            0x10000, 0x3FFFF, 0x40000, 0xFFFFF, 0x100000, 0x10FFFF, 0x110000, 0x1FFFFF, 0x200000, 0x3FFFFFF,
            0x4000000, 0x7FFF_FFFF, 0x00, 0x22, 0x2F, 0x5C, 0x7F,
        ]
        var valid = 0
        for value in borders {
            for length in 2...6 where value < 1 << (length == 2 ? 11 : UInt32(5 * length + 1)) {
                let encoded = encode(value, in: length)
                let isShortest = length == (value < 0x80 ? 1 : value < 0x800 ? 2 : value < 0x10000 ? 3 : 4)
                let isValid = isShortest && value <= 0x10FFFF && !(0xD800...0xDFFF).contains(value)
                if isValid { valid += 1 }
                for before in 0...8 {
                    let filler = [UInt8](repeating: 0x61, count: before)
                    let text = [0x22] + filler + encoded + filler + [0x22]
                    #expect(
                        ScannerVerdict(text) == (isValid ? .sound : .malformed(.invalidUTF8, at: 1 + before)),
                        "U+\(String(value, radix: 16)) in \(length) bytes")
                    #expect(text.withUnsafeBufferPointer(firstInvalidUTF8) == (isValid ? nil : 1 + before))
                }
            }
        }
        #expect(valid == 16)
    }

    private func encode(_ value: UInt32, in length: Int) -> [UInt8] {
        let mark = UInt8(truncatingIfNeeded: 0xFF00 >> length)
        return (0..<length).map { index in
            let bits = UInt8(truncatingIfNeeded: value >> UInt32(6 * (length - 1 - index)))
            return index == 0 ? mark | bits : 0x80 | bits & 0x3F
        }
    }

    /// The standard library's decoder over all sequences of bytes at which its rules turn.
    @Test func agreesWithTheStandardLibrary() {
        let turns: [UInt8] = [
            0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED,
            0xEE, 0xEF,
            0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
        ]
        var sequences: [[UInt8]] = [[]]
        for length in 1...4 {
            sequences = sequences.flatMap { sequence in turns.map { sequence + [$0] } }
            let wrong = sequences.filter { sequence in
                let isValid = String(validating: sequence, as: UTF8.self) != nil
                return isValid != (sequence.withUnsafeBufferPointer(firstInvalidUTF8) == nil)
            }
            #expect(wrong == [], "of \(length) bytes")
        }
    }

    // MARK: - Depth

    /// At the depth that jsonb is still trusted with, and one beyond; unclosed, at any depth, it is no value.
    @Test(arguments: [("[", "]", 1), (#"{"a":"#, "}", 1), (#"[{"a":"#, "}]", 2), (#" [ 0 , "#, " ] ", 1)])
    func depth(opening: String, closing: String, levels: Int) {
        for (depth, isTooDeep) in [(5_000, false), (5_000 + levels, true), (100_000, true)] {
            let start = String(repeating: opening, count: depth / levels)
            let text = start + "0" + String(repeating: closing, count: depth / levels)
            let place = opening.utf8.firstIndex { $0 == 0x5B || $0 == 0x7B }!
            let before = opening.utf8.count * (5_000 / levels)
            let hazard = before + opening.utf8.distance(from: opening.startIndex, to: place)
            #expect(ScannerVerdict(text.utf8) == (isTooDeep ? .hazard(.tooDeep(hazard)) : .sound))
            #expect(ScannerVerdict(start.utf8) == .malformed(.unexpectedEnd, at: start.utf8.count))
            let other = closing.replacing("]", with: ")").replacing("}", with: "]").replacing(")", with: "}")
            #expect(!ScannerVerdict((text.dropLast(closing.count) + other).utf8).isWellFormed)
        }
    }
}
