import Events
import Foundation
import Fuzz
import Testing

/// Foundation's parser as an outside judge of texts that were broken at random.
@Suite struct JSONScannerJudgeTests {
    private static let seeds = [
        #"{"id":"o-1","time":"2026-01-02T03:04:05Z","kind":"order.created","n":[1,-2.5,3e7,0.125E-2],"ok":true}"#,
        #"[null,false,true,"","\"\\\/\b\f\n\r\t","\u00e9\ud83d\ude00","é€😀",{},[],{"a":{"b":[[]]}},-0,0.0]"#,
        " { \"a\" : [ 1 , 2 ] ,\r\n\t\"b\" : { \"c\" : null } } ",
        #""plain text that is longer than eight bytes, with é and \u20ac in it""#,
        "-123.456e+78", "[[[[[[[[[]]]]]]]]]",
    ]
    private static let alphabet =
        Array(#"{}[]":,\/ubn019-+.eEtfal"#.utf8) + [
            0x00, 0x09, 0x0A, 0x1F, 0x20, 0x7F, 0x80, 0xA9, 0xC3, 0xE2, 0xED, 0xFF,
        ]

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func agreesOnMutatedTexts(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var differences: [String] = []
        var (wellFormed, malformed) = (0, 0)
        for round in 0..<10_000 {
            var bytes = Array(Self.seeds[round % Self.seeds.count].utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) { Self.mutate(&bytes, &random) }
            let ours = ScannerVerdict(bytes)
            let isAllowed = Self.foundationAllows(bytes)
            if ours.isWellFormed { wellFormed += 1 } else { malformed += 1 }
            if ours.isWellFormed != isAllowed, !Self.isKnownDifference(ours, bytes, isAllowed: isAllowed) {
                let text = String(decoding: bytes, as: UTF8.self)
                differences.append("\(ours), but Foundation \(isAllowed ? "allows" : "refuses") \(text)")
            }
        }
        #expect(differences == [])
        #expect(wellFormed > 500)
        #expect(malformed > 500)
    }

    private static func foundationAllows(_ bytes: [UInt8]) -> Bool {
        (try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)) != nil
    }

    /// Where Foundation leaves the RFC: each of these is decided by the RFC, and tested in `JSONScannerTests`.
    private static func isKnownDifference(_ ours: ScannerVerdict, _ bytes: [UInt8], isAllowed: Bool) -> Bool {
        switch ours {
        // Section 8.2: the grammar allows half a surrogate pair.
        case .hazard(.loneSurrogate): true
        // Section 6 has no largest number; Foundation's is a Double's.
        case .sound, .hazard(.numberOutOfRange): foundationAllows(withoutExponents(bytes))
        // Section 5: no comma stands before the bracket that closes an array.
        case .malformed(.expectedValue, let offset): isAllowed && bytes[offset] == UInt8(ascii: "]")
        default: false
        }
    }

    private static func withoutExponents(_ bytes: [UInt8]) -> [UInt8] {
        Array(String(decoding: bytes, as: UTF8.self).replacing(/[eE][+-]?[0-9]+/, with: "").utf8)
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
