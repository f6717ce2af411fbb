import Fuzz

/// Dice that fall the same way on every run.
struct TextDice: RandomNumberGenerator {
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func next() -> UInt64 { generator.next() }

    mutating func number(in range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
    mutating func chance(_ percent: Int) -> Bool { number(in: 1...100) <= percent }
    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[number(in: 0...elements.count - 1)]
    }

    mutating func text(of alphabet: [String], lengths: ClosedRange<Int>) -> String {
        (0..<number(in: lengths)).map { _ in pick(alphabet) }.joined()
    }
}
