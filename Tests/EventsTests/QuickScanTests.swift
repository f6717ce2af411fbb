import Events
import Fuzz
import Testing

/// The quick way through a line must come to what the scanner alone comes to, or give up.
@Suite struct QuickScanTests {
    /// Each with the letters that a mutation may put anywhere.
    private static let seeds = [
        #"{"id":"o-1","time":"2026-01-02T03:04:05Z","kind":"order.created","n":[1,-2.5,3e7,0.125E-2],"seq":12}"#,
        #"{"id":"o-2","time":"2026-01-02T03:04:05.678Z","kind":"order.created","seq":7,"user":{"id":"u","tags":["a","b"]},"x":{}}"#,
        #"{"id": "o-3", "time": "2026-01-02 03:04:05,1+02:00", "kind": "paid", "user": {"id": 7, "name": "Zoë 😀"}, "ok": true}"#,
        #" { "kind" : "a\"b\\\/\b\f\n\r\t\u00e9\ud83d\ude00" , "time" : 1767323045.5 , "items" : [ { "sku" : null } , 2 ] } "#,
        #"{"time":"1767323045","kind":"one","kind":"two","user":"none","user":{"id":false},"id":"é","a":1,"seq":3,"b":2}"#,
        #"{"time":1767323045,"kind":123456789012345678901234567890,"items":[[],{"sku":"s"}],"deep":[[[{"a":[]}]]],"id":"x"}"#,
        #"{"a member with a name that is longer than thirty-two bytes":0,"time":1767323045,"kind":"k","seq":-1,"id":""}"#,
        "{}", "", "[]", #"{"time":null,"kind":{"id":1}}"#,
    ]
    private static let alphabet =
        Array(#"{}[]":,\/ubn019-+.eEtfalZT"#.utf8) + [
            0x00, 0x09, 0x0A, 0x0D, 0x1F, 0x20, 0x7F, 0x80, 0xA9, 0xC3, 0xE2, 0xED, 0xF0, 0xFF,
        ]

    private static let mappings: [SourceMapping] = [
        .event {
            ($0.eventID, $0.sequence, $0.userID) = (.reference(field("id")), field("seq"), field("user.id"))
        },
        .event { ($0.eventID, $0.userID, $0.service) = (.content, field("items.0.sku"), field("user")) },
        .event {
            ($0.caseID, $0.details, $0.service) = (field("{kind}/{id}"), field("user"), field("items.1"))
        },
        .events([
            .sample { $0.correlationID = first("user.name", "id") },
            .sample { ($0.occurredAt, $0.details) = (.init(field("seq")), first("n", "x", "ok")) },
        ]),
    ]

    @Test(arguments: 0..<mappings.count, [1, 2, 3] as [UInt64])
    func parsesAsTheScannerAlone(mapping: Int, seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var (rows, rejects) = (0, 0)
        for _ in 0..<40 {
            let lines = (0..<100).map { _ in
                Self.line(&random) + (Int.random(in: 0..<8, using: &random) == 0 ? [0x0D, 0x0A] : [0x0A])
            }
            // Blank lines, so that the line ends before them can be sentinels.
            let together = lines.flatMap { $0 } + [UInt8](repeating: 0x0A, count: QuickScan.slack)
            let parser = NDJSONParser(Self.mappings[mapping])
            let quick = ParsedRecords.parse(together, with: parser)
            let slow = ParsedRecords.parse(
                pieces: together.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast()
                    .map { Array($0) + [0x0A] },
                with: NDJSONParser(Self.mappings[mapping]))
            #expect(Self.difference(quick, slow) == nil)
            rows += quick.rows.count
            rejects += quick.rejects.count
            // What a parser has learned of the order of members changes nothing.
            #expect(Self.difference(ParsedRecords.parse(together, with: parser), slow) == nil)
        }
        #expect(rows > 200)
        #expect(rejects > 1_000)
    }

    /// The first thing that two ways made differently of one object.
    private static func difference(_ one: ParsedRecords, _ other: ParsedRecords) -> String? {
        if one == other { return nil }
        for (left, right) in zip(one.rows, other.rows) where left != right { return "\(left)\n\(right)" }
        for (left, right) in zip(one.rejects, other.rejects) where left != right {
            return "\(left)\n\(right)"
        }
        return "the counts or ends differ"
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func passesNothingThatTheScannerRefuses(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var differences: [String] = []
        var (passed, sound) = (0, 0)
        for _ in 0..<20_000 {
            let line = Self.line(&random)
            let text = Array(line.prefix { $0 != 0x0A }.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D })
            let verdict = ScannerVerdict(text)
            if verdict == .sound { sound += 1 }
            guard let length = Self.quickLength(text) else { continue }
            passed += 1
            // What stands behind the value is not the scan's business.
            if ScannerVerdict(Array(text[..<length])) != .sound {
                differences.append("\(verdict): \(String(decoding: text, as: UTF8.self))")
            }
        }
        #expect(differences == [])
        #expect(sound > 4_000)
        #expect(passed >= sound)
    }

    @Test(
        arguments: [
            "01", "-", "1.", ".5", "+1", "1e", "1e+", "1.e1", "00", "-01", "tru", "trux", "nul", "falsy",
            "True",
            #"""#, #""a"#, #""\"#, #""\""#, #""\x""#, #""\u12g4""#, #""\u123"#, #""\u0000""#, #""\ud800""#,
            #""\ud800\u0041""#, #""\udc00""#, "\"\t\"", "\"\0\"", "{", "[", "[1", "[1,", "[1,]", "[,]", "{,}",
            #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, "{1:1}", #"{"a" 1}"#, #"["a" "b"]"#, "[1 2]", "[1}",
            #"{"a":1]"#,
            "", "}", ",", "'a'",
        ])
    func givesUp(text: String) {
        for before in ["", "[", "[[1,", #"{"a":"#, #"{"a":"more than sixteen bytes of text","b":["#] {
            #expect(Self.quickLength(Array((before + text).utf8)) == nil)
        }
    }

    @Test func givesUpBytesThatAreNotUTF8() {
        for bytes in [
            [0x80], [0xC3], [0xC0, 0xAF], [0xE2, 0x82], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
            [0xF0, 0x80, 0x80, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xFF],
        ] as [[UInt8]] {
            for count in 0..<40 {
                let text = [0x22] + [UInt8](repeating: 0x61, count: count) + bytes
                #expect(Self.quickLength(text + [0x22]) == nil)
                #expect(Self.quickLength(text) == nil)
            }
        }
    }

    /// The bytes end where memory ends: reading one more would crash.
    @Test(arguments: 0..<mappings.count)
    func readsNothingBehindItsMemory(mapping: Int) {
        var random = SeededGenerator(seed: 5)
        let memory = GuardedMemory()
        let parser = NDJSONParser(Self.mappings[mapping])
        for round in 0..<2_000 {
            var bytes: [UInt8] = []
            for _ in 0..<3 { bytes += Self.line(&random) + [0x0A] }
            bytes += [UInt8](repeating: UInt8(ascii: "\""), count: round % 70)
            var batch = EventBatch()
            batch.reset(at: 0, line: 1)
            parser.begin(&batch, objectIdentity: "obj")
            memory.withBytes(bytes) { #expect(parser.parse($0, then: .closed, into: &batch) == bytes.count) }
        }
    }

    /// The length of the value that the text begins with, or nil where it is given up.
    private static func quickLength(_ text: [UInt8]) -> Int? {
        let memory = text + [0x0A] + [UInt8](repeating: 0x22, count: QuickScan.slack)
        return memory.withUnsafeBufferPointer { bytes in
            QuickScan.passValue(bytes.baseAddress!).map { $0 - bytes.baseAddress! }
        }
    }

    /// A seed, and in most cases something wrong with it.
    private static func line(_ random: inout SeededGenerator) -> [UInt8] {
        var bytes = Array((seeds.randomElement(using: &random) ?? "").utf8)
        for _ in 0..<Int.random(in: 0...2, using: &random) { mutate(&bytes, &random) }
        return bytes
    }

    private static func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
        guard let place = bytes.indices.randomElement(using: &random) else { return }
        let byte = alphabet.randomElement(using: &random) ?? 0
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes.remove(at: place)
        case 1: bytes.insert(byte, at: place)
        case 2: bytes.removeSubrange(place...)
        case 3:
            let end = Int.random(in: place..<bytes.count, using: &random)
            bytes.insert(contentsOf: bytes[place...end], at: place)
        case 4: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        default: bytes[place] = byte
        }
    }
}
