/// Breaks inputs at random, for toolchains without libFuzzer: the same seed breaks them the same way.
struct Mutator {
    private var random: SeededGenerator
    private let seeds: [[UInt8]]
    private static let maxCount = 4_096

    /// What the formats are made of.
    private static let pieces: [[UInt8]] =
        [
            "{", "}", "[", "]", ":", ",", "\"", "\"\"", "\\", "\\u0000", "\\ud83d\\ude00", "\\udc00", "\\n",
            "\n",
            "\r\n", "\r", " ", "\t", "null", "true", "-0", "1e5", "1e999999", "0.5", "00", "é", "€", "😀",
            "\u{FEFF}",
            "\"time\":", "\"kind\":", "\"order\":{\"id\":", "\"data\":", "\"n\":7", "\"id\":1",
            "\"2026-01-02T03:04:05Z\"", "1767323045", "2026-01-02", "02.01.2026 03:04", "{\"a\":1}",
            "[[[[[[[[",
        ].map { Array($0.utf8) } + [[0], [0x1F], [0x7F], [0x80], [0xC3], [0xED, 0xA0, 0x80], [0xFF]]

    init(seed: UInt64, seeds: [[UInt8]]) {
        random = SeededGenerator(seed: seed)
        self.seeds = seeds
    }

    mutating func next() -> [UInt8] {
        var bytes = seeds.randomElement(using: &random) ?? Array("0{}".utf8)
        for _ in 0..<Int.random(in: 1...6, using: &random) { mutate(&bytes) }
        return Array(bytes.prefix(Mutator.maxCount))
    }

    /// Breaks one place.
    mutating func mutate(_ bytes: inout [UInt8]) {
        guard let place = bytes.indices.randomElement(using: &random) else { return }
        let end = min(bytes.count, place + Int.random(in: 1...64, using: &random))
        switch Int.random(in: 0..<8, using: &random) {
        case 0: bytes.removeSubrange(place..<end)
        case 1: bytes.insert(contentsOf: Mutator.pieces.randomElement(using: &random)!, at: place)
        case 2:
            let piece = Mutator.pieces.randomElement(using: &random)!
            bytes.replaceSubrange(place..<min(bytes.count, place + piece.count), with: piece)
        case 3: bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
        case 4: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 5: bytes[place] = .random(in: .min ... .max, using: &random)
        case 6: bytes.removeSubrange(place...)
        default:
            guard let other = seeds.randomElement(using: &random), !other.isEmpty else { return }
            bytes.replaceSubrange(
                place..., with: other.dropFirst(.random(in: 0..<other.count, using: &random)))
        }
    }
}
