/// What to generate. Equal options give equal bytes, on every platform and in every run.
package struct GeneratorOptions: Sendable {
    package var orders: Int
    /// Orders are created within this many days from `start`; what follows from the last ones may come later.
    package var days: Int
    package var seed: UInt64
    /// Unix time in seconds at which the first day begins.
    package var start: Int64
    /// The share of events whose line comes a second time, byte for byte.
    package var duplicateShare: Double
    /// The share of events that arrive minutes to two days late; the services of the road are late more
    /// often.
    package var lateShare: Double
    /// How many lines that no loader can accept are mixed in, at most one for each order: in turn broken
    /// JSON, no time, a time that is none, invalid UTF-8, and a line cut short.
    package var badLines: Int
    /// The number of the first order. Two outputs of one seed whose numbers do not overlap share no event.
    package var startNumber: Int
    /// Leaves out what would arrive after the last day, as a log read at that moment does.
    package var stopAtEnd: Bool

    /// 2026-01-05T00:00:00Z, a Monday.
    package static let defaultStart: Int64 = 1_767_571_200

    package init(
        orders: Int = 10_000, days: Int = 14, seed: UInt64 = 1, start: Int64 = GeneratorOptions.defaultStart,
        duplicateShare: Double = 0.005, lateShare: Double = 0.01, badLines: Int = 0, startNumber: Int = 1,
        stopAtEnd: Bool = false
    ) {
        self.orders = orders
        self.days = days
        self.seed = seed
        self.start = start
        self.duplicateShare = duplicateShare
        self.lateShare = lateShare
        self.badLines = badLines
        self.startNumber = startNumber
        self.stopAtEnd = stopAtEnd
    }

    /// The number of orders that gives about this many distinct events (measured: 6.25 an order).
    package static func orders(forEvents events: Int) -> Int {
        max(1, Int(Double(events) / 6.25))
    }

    /// Throws where an option is out of its range. `Generator` takes only options that pass.
    package func validate() throws(GeneratorError) {
        func require(
            _ option: String, _ value: String, _ holds: Bool, _ range: String
        ) throws(GeneratorError) {
            if !holds { throw GeneratorError(option: option, value: value, range: range) }
        }
        try require("orders", "\(orders)", (0...4_000_000_000).contains(orders), "0 to 4,000,000,000")
        try require("days", "\(days)", (1...36_500).contains(days), "1 to 36,500")
        try require("start", "\(start)", (0...200_000_000_000).contains(start), "1970 to the year 8300")
        try require("duplicateShare", "\(duplicateShare)", (0...1).contains(duplicateShare), "0 to 1")
        try require("lateShare", "\(lateShare)", (0...0.5).contains(lateShare), "0 to 0.5")
        try require(
            "badLines", "\(badLines)", (0...max(0, orders)).contains(badLines), "0 to the number of orders")
        try require("startNumber", "\(startNumber)", (0...(1 << 56)).contains(startNumber), "0 to 2^56")
    }
}
