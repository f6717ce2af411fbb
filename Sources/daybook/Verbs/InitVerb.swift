import Foundation
import Generate
import Pipeline

/// `daybook init`: a small working project.
enum InitVerb: Verb {
    static let name = "init"
    static let summary = "writes a small working project"
    static let operands = "DIR"
    static let options: [Option] = []
    static let discussion = """
        Writes DIR/pipelines/orders.jsonc, which is explained line by line, and sample logs beside it.
        Nothing that is there is overwritten.

          daybook init shop && cd shop && daybook run && daybook report
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        guard let directory = arguments.positionals.first else {
            throw UsageError("say where: daybook init DIR")
        }
        let sample = SampleProject(directory: directory, orders: 200, days: 7, badLines: 2)
        try sample.write(overwriting: false)
        Terminal.out(
            """
            wrote \(directory)/pipelines/orders.jsonc and sample logs in \(directory)/pipelines/logs
              next: cd \(directory) && daybook run && daybook report
            """)
        return .done
    }
}

/// A project with generated logs of four services, as `init` and `demo` write it.
struct SampleProject {
    let directory: String
    let orders: Int
    let days: Int
    let badLines: Int

    /// - Throws: `UsageError` where a file is there already and must not be overwritten.
    func write(overwriting: Bool) throws {
        let files = FileManager.default
        let definition = "\(directory)/pipelines/orders.jsonc"
        if !overwriting, files.fileExists(atPath: definition) {
            throw UsageError("\(definition) is there already; nothing was written")
        }
        try WholeFile.makeFolder("\(directory)/pipelines/logs")
        if !files.fileExists(atPath: definition) {
            try WholeFile.write(SampleProject.definition, to: definition)
        }
        let ignore = "\(directory)/.gitignore"
        if !files.fileExists(atPath: ignore) {
            try WholeFile.write(".daybook/\n", to: ignore)
        }
        var outputs: [GeneratedService: ExportFile] = [:]
        for service in GeneratedService.allCases {
            outputs[service] = try ExportFile("\(directory)/pipelines/logs/\(service.rawValue).ndjson", .none)
        }
        var options = GeneratorOptions(orders: orders, days: days)
        options.badLines = badLines
        options.stopAtEnd = true
        _ = try Generator(options).write(
            to: outputs.mapValues { output in { try output.write($0) } })
        for output in outputs.values { try output.finish() }
    }

    /// The definition, which is also this repository's own `pipelines/orders.jsonc`.
    static let definition = """
        // Orders pass through checkout, payment, warehouse and delivery; each service writes a log of its own.
        // This file says where the logs are, what in them is what, and how long an order may take.
        {
          "pipeline": "orders",             // the name of this file
          "entity": "order",                // what a case is
          "sources": [
            {
              "name": "services",
              "file": { "path": "pipelines/logs/*.ndjson", "format": "ndjson" },
              "event": {                    // where each column of raw.events comes from
                "event_id": "id",           // makes an event the same when it comes twice
                "occurred_at": "time",
                "type": "type",
                "case_id": "order_id",
                "service": "service",
                "user_id": "user_id",
                "correlation_id": "request_id",
                "sequence": "seq"
              }                             // every other field goes into details
            }
          ],
          "slas": [
            {
              "name": "order_delivered",
              "start": "order.created", "end": "order.delivered", "cancel": "order.cancelled",
              "within": "3d", "target": 0.9
            },
            {
              "name": "order_paid",
              "start": "order.created", "end": "order.paid", "cancel": "order.cancelled",
              "within": "30m", "target": 0.95
            }
          ],
          "schedule": "5 * * * *",          // when daybook schedule runs it: at five past each hour
          "clock": "data"                   // the logs are of the past: "now" is the latest event in them
        }

        """
}
