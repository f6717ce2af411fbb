import Foundation
import TestSupport

/// Orders of three days that come in increments, each over old hours and new ones, and what the hours must say after
/// each of them, known without any database.
struct GrowingOrders {
    /// What the hours of one SLA add up to: the texts of the number of hours, of started, completed and met.
    typealias Sums = [String]

    static let slas: [(name: String, withinSeconds: Int)] = [
        ("delivered_late", 20_000), ("delivered_soon", 3_000),
    ]

    private var dice: Randomness
    private var count = 0
    /// Orders without an end: their numbers and starts.
    private var open: [(number: Int, start: Int)] = []
    private var starts: [Int] = []
    private var elapsed: [Int] = []
    private var increments = 0

    /// 2026-01-05 00:00 UTC.
    private static let base = 1_767_571_200

    init(seed: UInt64) { dice = Randomness(state: seed) }

    static func define(_ project: TemporaryProject) throws {
        let slas = slas.map {
            """
            { "name": "\($0.name)", "start": "order.created", "end": "order.delivered",
              "within": "\($0.withinSeconds)s" }
            """
        }
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": "order", "clock": "data",
              "sources": [ { "name": "shop", "file": { "path": "logs/*.ndjson" },
                "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order" } } ],
              "slas": [ \(slas.joined(separator: ", ")) ] }
            """)
    }

    /// Writes the next increment as a log of its own.
    ///
    /// - Parameter orders: so many are new; some of them, and some of those that were open, end.
    mutating func write(_ project: TemporaryProject, orders: Int) throws {
        var lines: [String] = []
        func add(_ number: Int, _ type: String, _ at: Int) {
            lines.append(
                "{\"id\":\"\(number)-\(type)\",\"at\":\(at),\"type\":\"order.\(type)\",\"order\":\"o\(number)\"}\n"
            )
        }
        for _ in 0..<orders {
            let start = GrowingOrders.base + dice.below(3 * 86_400)
            add(count, "created", start)
            open.append((count, start))
            starts.append(start)
            count += 1
        }
        for _ in 0..<open.count / 2 {
            let (number, start) = open.remove(at: dice.below(open.count))
            let seconds = dice.below(40_000)
            add(number, "delivered", start + seconds)
            elapsed.append(seconds)
        }
        increments += 1
        try project.write("logs/\(increments).ndjson", lines.joined())
    }

    /// Of each SLA in the order of their names what its hours must add up to, when all increments have come.
    var sums: [Sums] {
        GrowingOrders.slas.map { sla in
            [
                "\(Set(starts.map { $0 / 3_600 }).count)", "\(starts.count)", "\(elapsed.count)",
                "\(elapsed.count { $0 <= sla.withinSeconds })",
            ]
        }
    }
}
