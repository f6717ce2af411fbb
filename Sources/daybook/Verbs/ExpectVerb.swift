import Foundation
import Pipeline
import Postgres
import SQLFiles
import Warehouse

/// `daybook expect`: waits until a case has certain events, for tests across services.
enum ExpectVerb: Verb {
    static let name = "expect"
    static let summary = "loads and waits until a case has certain events, in order"
    static let operands = "CASE TYPE,TYPE…"
    static let maxOperands = 2
    static let options: [Option] = [
        .project, .database,
        Option("--timeout", "DURATION", "wait for so long (default: 30s)"),
        Option("--pipeline", "NAMES", "load only these pipelines, with commas between (default: all)"),
        Option("--entity", "ENTITY", "the case of this entity (default: of all that have the id)"),
        .json,
    ]
    static let discussion = """
        Loads what is new, as daybook load does, looks whether the case has events of these types in this order, and begins
        anew every second until it has or the time is over. Other events may stand between. order.* stands for any type of a
        namespace. While another run loads a pipeline, it only looks. What it prints is the timeline, and where something is
        missing, the gap: what was waited for, and what came instead.

          daybook expect ord-17 order.created,order.delivered --timeout 30s

        exit codes: 0 all came, 2 not in time, 64 wrong usage, 69 database out of reach, 78 bad definition,
        130 interrupted
        """

    private static let secondsBetween = 1.0

    static func run(_ arguments: Arguments) throws -> ExitCode {
        guard arguments.positionals.count == 2 else {
            throw UsageError(
                "say which case and which types: daybook expect ord-17 order.created,order.delivered")
        }
        let types = try patterns(arguments.positionals[1])
        let timeout = Double(try arguments.duration("--timeout") ?? 30_000_000) / 1e6
        let context = Context(arguments)
        let project = try context.project()
        let names = (arguments["--pipeline"] ?? "").split(separator: ",").map(String.init)
        let pipelines = try project.pipelines(names)
        let conninfo = try context.target(project).conninfo()
        let interruption = context.interruption()
        let watch = CaseWatch(
            caseID: arguments.positionals[0], entity: arguments["--entity"],
            expectation: Expectation(types), project: project, pipelines: pipelines, conninfo: conninfo,
            interruption: interruption, note: { Terminal.error($0) })
        let outcome = try watch.run(timeoutSeconds: timeout, pauseSeconds: secondsBetween) { left in
            Terminal.progress("waiting for \(Human.duration(left.rounded(.up))) more")
        }
        Terminal.endProgress()
        if arguments.isJSON { try printJSON(outcome, watch) } else { try tell(outcome, watch) }
        return outcome.progress.missing == nil ? .done : .checkFailed
    }

    private static func patterns(_ text: String) throws -> [TypePattern] {
        try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            guard !part.isEmpty else {
                throw UsageError("\"\(text)\" names an empty type; write order.created,order.delivered")
            }
            return TypePattern(String(part))
        }
    }

    // MARK: - What is said

    private static func tell(_ outcome: CaseWatch.Outcome, _ watch: CaseWatch) throws {
        let caseID = Cell.text(watch.caseID)
        let wanted = watch.expectation.types.map(\.written)
        let took = Human.duration(outcome.seconds)
        guard let missing = outcome.progress.missing else {
            Terminal.out("\(caseID): \(Human.plural(wanted.count, "event")) came as expected, after \(took)")
            if let events = outcome.events { try table(events) }
            return
        }
        let before = missing > 0 ? ", after \(Cell.text(wanted[missing - 1]))" : ""
        Terminal.out("\(caseID): \(Cell.text(wanted[missing])) did not come within \(took)\(before)")
        guard let events = outcome.events, events.count > 0 else {
            Terminal.out("  there is no event of this case")
            return
        }
        try table(events)
        let types = try events.rows.map { try $0.get("type", as: String.self) }
        let instead = types[((outcome.progress.came.last ?? -1) + 1)...]
        Terminal.out(
            "  instead came: "
                + (instead.isEmpty ? "nothing" : instead.map(Cell.text).joined(separator: ", ")))
        if let early = outcome.progress.tooEarly {
            Terminal.out(
                "  \(Cell.text(types[early])) came too early: as event \(early + 1)\(before.isEmpty ? "" : ", and not\(before.dropFirst())")"
            )
        }
        let later = wanted[(missing + 1)...]
        if !later.isEmpty { Terminal.out("  not looked for then: \(later.joined(separator: ", "))") }
    }

    private static func table(_ events: Result) throws {
        Terminal.out(try TimelineText(times: ShownTimes(zone: "UTC")).table(events.rows))
    }

    private static func printJSON(_ outcome: CaseWatch.Outcome, _ watch: CaseWatch) throws {
        let types = try outcome.events?.rows.map { try $0.get("type", as: String.self) } ?? []
        let (came, missing) = (outcome.progress.came, outcome.progress.missing)
        let expected = watch.expectation.types.enumerated().map { index, type in
            ["type": type.written, "nth": index < came.count ? came[index] + 1 : NSNull()] as [String: Any]
        }
        let events = try outcome.events.map {
            try JSONRows.objects(
                $0.rows, of: $0.columns,
                plain: [
                    "nth", "sequence", "start_position", "load_id", "gap_seconds", "usual_p50_seconds",
                    "usual_p95_seconds", "is_dead_letter", "is_out_of_order", "details",
                ], times: ["occurred_at"])
        }
        try JSONRows.print([
            "ok": missing == nil, "case_id": watch.caseID, "seconds": outcome.seconds, "expected": expected,
            "missing": missing.map { watch.expectation.types[$0].written } ?? NSNull(),
            "too_early": outcome.progress.tooEarly.map { $0 + 1 } ?? NSNull(),
            "instead": missing == nil ? [] : Array(types[((came.last ?? -1) + 1)...]),
            "events": events ?? [],
        ])
    }
}
