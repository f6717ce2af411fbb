import Foundation
import Generate

/// `daybook generate`: a deterministic stream of orders.
enum GenerateVerb: Verb {
    static let name = "generate"
    static let summary = "writes a deterministic stream of orders, to try things with"
    static let options: [Option] = [
        Option("--orders", "N", "how many orders; each has about six events (default: 10000)"),
        Option("--events", "N", "about how many events, instead of --orders"),
        Option("--days", "D", "over how many days they are created (default: 14)"),
        Option("--seed", "S", "the same seed gives the same bytes (default: 1)"),
        Option("--first", "N", "the number of the first order, to go on from another file (default: 1)"),
        Option("--bad-lines", "N", "how many malformed lines to put in (default: 0)"),
        Option("--out", "FILE", "where to write (default: stdout)"),
    ]
    static let discussion = """
        Orders pass through checkout, payment, warehouse and delivery; some are cancelled, some never arrive.
        Events come late, out of order and now and then twice, as they do from services that send at least once.

          daybook generate --orders 320000 --days 30 --out events.ndjson      # 2,000,000 events
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        var options = GeneratorOptions()
        if arguments["--orders"] != nil, arguments["--events"] != nil {
            throw UsageError("give --orders or --events, not both")
        }
        options.orders = try arguments.integer("--orders", in: 0...1_000_000_000) ?? options.orders
        if let events = try arguments.integer("--events", in: 0...1_000_000_000) {
            options.orders = GeneratorOptions.orders(forEvents: events)
        }
        options.days = try arguments.integer("--days", in: 1...36_500) ?? options.days
        options.seed = UInt64(try arguments.integer("--seed", in: 0...Int.max) ?? Int(options.seed))
        options.startNumber = try arguments.integer("--first", in: 1...1_000_000_000) ?? options.startNumber
        options.badLines = try arguments.integer("--bad-lines", in: 0...1_000_000) ?? 0
        do { try options.validate() } catch { throw UsageError("\(error)") }

        let output = try ExportFile(arguments.outFile, .none)
        let summary = try Generator(options).write { try output.write($0) }
        try output.finish()
        Terminal.error(
            "\(Human.plural(summary.lines, "line")), \(Human.bytes(Int64(summary.bytes))): "
                + "\(Human.plural(summary.events, "event")) of \(Human.plural(summary.orders, "order")), "
                + "\(Human.count(summary.duplicates)) twice, \(Human.count(summary.late)) late, "
                + "\(Human.count(summary.badLines)) bad")
        return .done
    }
}
