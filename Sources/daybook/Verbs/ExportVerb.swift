import Events
import Foundation
import Pipeline
import Postgres
import Warehouse

/// `daybook export`: days and reports as files.
enum ExportVerb: Verb {
    static let name = "export"
    static let summary = "writes events or a report table as CSV or NDJSON"
    static let operands = "WHAT"
    static let options: [Option] = [
        .project, .database,
        Option("--from", "DAY", "from this day (UTC)"),
        Option("--to", "DAY", "up to this day (UTC), inclusive"),
        Option("--format", "csv|ndjson", "default: by the ending of the file, else csv"),
        Option("--compress", "gzip|zstd|xz|bzip2|none", "default: by the ending of the file"),
        Option("--out", "FILE", "where to write (default: stdout); the file has its name once it is whole"),
    ]
    static let discussion = """
        WHAT is events, or a table or view of the schema report: sla_hourly, fact_sla, cases and others. Rows are streamed
        from one state of the database, events in the order of their times; days are those of the event, the hour, or
        the start of the case.

          daybook export events --from 2026-01-05 --to 2026-01-05 --out events.ndjson.gz
          daybook export sla_hourly --out hours.csv
          daybook export fact_sla --format ndjson | jq .elapsed_seconds

        exit codes: 0 done, 1 failed, 64 wrong usage, 69 database out of reach, 130 interrupted
        """

    static func run(_ arguments: Arguments) throws -> ExitCode {
        guard let what = arguments.positionals.first else {
            throw UsageError("say what: daybook export events, or a report table: daybook export sla_hourly")
        }
        let path = arguments.outFile
        let compression =
            try arguments.choice("--compress", ExportFile.Compression.allCases.map(\.rawValue))
            .flatMap(ExportFile.Compression.init(rawValue:)) ?? ExportFile.Compression(ofFile: path ?? "")
        let format =
            try arguments.choice("--format", Export.Format.allCases.map(\.rawValue))
            .flatMap(Export.Format.init(rawValue:)) ?? format(ofFile: path ?? "")
        let (from, to) = (try day(arguments, "--from"), try day(arguments, "--to"))
        if let from, let to, from > to { throw UsageError("--from is after --to") }

        let context = Context(arguments)
        let connection = try Warehouse.open(try context.conninfo(), creating: false).connection
        let interruption = context.interruption()
        interruption.watch(connection)
        let export: Export
        do {
            export = try Export(what, format, connection)
        } catch let error as Export.Unknown {
            throw UsageError("\(error)" + Spelling.suggestion(what, in: error.known))
        }
        let file = try ExportFile(path, compression)
        do {
            let rows = try export.run(from: from, to: to, write: file.write)
            try file.finish()
            if let path { Terminal.error("\(Human.plural(rows, "row")) in \(path)") }
        } catch {
            file.discard()
            if (error as? PostgresError)?.isCancelled == true { throw Interrupted() }
            throw error
        }
        return .done
    }

    private static func day(_ arguments: Arguments, _ option: String) throws -> CalendarDay? {
        try arguments.time(option).map { CalendarDay(daysSinceEpoch: $0.day) }
    }

    private static func format(ofFile path: String) -> Export.Format {
        [".ndjson", ".jsonl", ".json"].contains { path.hasSuffix($0) || path.contains("\($0).") }
            ? .ndjson : .csv
    }
}
