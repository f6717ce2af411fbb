import Foundation
import Pipeline
import Postgres
import Transform
import Warehouse

/// `daybook erase`: removes a case or a person on request.
enum EraseVerb: Verb {
    static let name = "erase"
    static let summary = "removes a case, or a person's events, from everywhere, on request"
    static let operands = "[CASE]"
    static let options: [Option] = [
        .project, .database,
        Option("--user", "ID", "the events of this user, in whatever case, in place of a case"),
        Option("--entity", "ENTITY", "only the case of this entity"),
        Option("--yes", nil, "do it; without it, only what would go is told"),
        Option("--reason", "TEXT", "kept in daybook.erasures; the number of a request, say"),
        Option("--lock-wait", "SECONDS", "how long to wait for runs of pipelines (default: 10)"),
        .json,
    ]
    static let discussion = """
        Of a case go its events, in whatever form its days are, the records that they came from, the rejects that name
        it, its alerts, and all that reports tell of it; hours that it was counted in are restated with the cause
        erase. Of a user go the events with this user_id; their cases are computed anew without them. All of it
        happens at once, readers see the state before or after, and daybook verify still adds up. That it was done,
        when, by whom and why is kept in daybook.erasures, and nothing of what was removed.

        A reject names it where a value of the record is the name, as a whole; what would go is listed first.

        What the sources hold is theirs: a file that brings the event once more, under another name, brings it back.
        Files of the server that are copies (backups, archived WAL) forget it when they are rotated.

        exit codes: 0 done, or would be; 1 there is nothing of it, 64 wrong usage, 69 database out of reach,
        75 a pipeline runs, 130 interrupted before anything was erased
        """

    private struct Document: Encodable {
        let erased: Bool
        let outcome: EraseData.Outcome

        private enum CodingKeys: String, CodingKey { case erased }

        func encode(to encoder: any Encoder) throws {
            try outcome.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(erased, forKey: .erased)
        }
    }

    static func run(_ arguments: Arguments) throws -> ExitCode {
        let subject: EraseData.Subject
        switch (arguments.positionals.first, arguments["--user"]) {
        case (let name?, nil): subject = .oneCase(name, entity: arguments["--entity"])
        case (nil, let user?):
            guard arguments["--entity"] == nil else {
                throw UsageError("--entity is for a case, not for --user")
            }
            subject = .user(user)
        case (nil, nil): throw UsageError("name a case, or --user ID")
        default: throw UsageError("name a case or --user ID, not both")
        }
        let context = Context(arguments)
        let project = try context.project()
        guard !project.hasErrors else { throw DefinitionError(project.problems) }
        let models = try Model.ordered(try project.sqlFiles().folder("transforms"))
        guard context.target(project).isMade else { throw WarehouseError.empty }
        let warehouse = try Warehouse.open(try context.target(project).conninfo(), creating: false)
        let isRehearsal = !arguments.has("--yes")
        let by = "\(NSUserName())@\(ProcessInfo.processInfo.hostName)"
        let outcome = try EraseData(
            warehouse, models: models,
            lockWaitSeconds: Double(try arguments.integer("--lock-wait", in: 0...86_400) ?? 10),
            interruption: context.interruption()
        ).run(subject, by: by, reason: arguments["--reason"], isRehearsal: isRehearsal)
        if arguments.isJSON {
            try JSONOutput.print(Document(erased: !isRehearsal && !outcome.isNothing, outcome: outcome))
        } else {
            tell(outcome, isRehearsal: isRehearsal)
        }
        guard outcome.isNothing else { return .done }
        if case .oneCase(let name, _) = subject {
            Terminal.error(try CaseTrace.missing(name, warehouse.connection).description)
        }
        return .failed
    }

    private static func tell(_ outcome: EraseData.Outcome, isRehearsal: Bool) {
        guard !outcome.isNothing else {
            Terminal.out("there is nothing of it")
            return
        }
        Terminal.out(isRehearsal ? "would be erased:" : "erased:")
        let counts = [
            (outcome.events, "event"), (outcome.rejects, "reject"), (outcome.alerts, "alert"),
            (outcome.messages, "message"),
        ]
        for (count, what) in counts where count > 0 { Terminal.out("  \(Human.plural(count, what))") }
        if !outcome.rejectIDs.isEmpty, isRehearsal {
            let more = outcome.rejects - outcome.rejectIDs.count
            Terminal.out(
                "    reject \(outcome.rejectIDs.map(String.init).joined(separator: ", "))"
                    + (more > 0 ? " and \(more) more" : "") + "; see one: daybook rejects show ID")
        }
        for model in outcome.models where model.rowsChanged > 0 {
            Terminal.out(
                "  \(Human.plural(model.rowsChanged, "row")) of \(model.model) \(isRehearsal ? "would change" : "changed")"
            )
        }
        if isRehearsal { Terminal.out("nothing was changed; to do it: --yes") }
        if !outcome.unvacuumed.isEmpty {
            Terminal.error(
                "it is erased, and lies in the server's files until these are vacuumed: "
                    + outcome.unvacuumed.joined(separator: ", ")
                    + "\n  next: VACUUM them, or leave it to autovacuum")
        }
    }
}
