import Events
import Extract
import Postgres
import Warehouse

/// Reads the sources that still exist once more, and compares them with what the ledger and raw.events hold.
package struct DeepVerification {
    private let project: Project
    private let connection: Connection
    private let note: (String) -> Void

    package struct Outcome {
        package var problems: [String] = []
        /// Loads whose object was read again.
        package var loads = 0
        package var events = 0
        /// Of these, events that were erased on request since.
        package var erased = 0
        /// Loads whose object is not there any more, or not as it was.
        package var gone = 0
        /// Loads with rejects that are past their retention: what was refused is not known any more.
        package var pastRetention = 0
        /// Their objects, each once.
        fileprivate var goneNames: [String] = []
    }

    /// Names that a person is told; of a year of rotated logs thousands are gone.
    private static let shownNames = 3

    package init(_ project: Project, _ connection: Connection, note: @escaping (String) -> Void) {
        self.project = project
        self.connection = connection
        self.note = note
    }

    package func run(_ pipelines: [PipelineDefinition]) throws -> Outcome {
        var outcome = Outcome()
        for pipeline in pipelines {
            for source in pipeline.sources {
                guard
                    let sourceID = try Catalogue(connection).findSourceID(
                        pipeline: pipeline.name, name: source.name)
                else { continue }
                guard let files = source.files else {
                    note(
                        "\(pipeline.name)/\(source.name): the answers of an API, and the output of a program, are not kept; they are not read again"
                    )
                    continue
                }
                try check(source, files, sourceID, name: "\(pipeline.name)/\(source.name)", &outcome)
            }
        }
        if outcome.pastRetention > 0 {
            note(
                "\(outcome.pastRetention) loads have rejects that are past their retention; they are not compared"
            )
        }
        if let note = DeepVerification.gone(outcome.goneNames) { self.note(note) }
        return outcome
    }

    private static func gone(_ names: [String]) -> String? {
        guard names.count > 1 else {
            return names.first.map { "\($0) is not there as it was read; it cannot be read again" }
        }
        let more = names.count > shownNames ? " and \(names.count - shownNames) more" : ""
        return "\(names.count) files are not there as they were read; they cannot be read again: "
            + names.sorted().prefix(shownNames).joined(separator: ", ") + more
    }

    private func check(
        _ source: SourceDefinition, _ input: FileInput, _ sourceID: Int32, name: String,
        _ outcome: inout Outcome
    ) throws {
        let known = try Ledger.objects(ofSource: sourceID, connection)
        let identities = Set(known.map(\.identity))
        var files: [FoundFile] = []
        var nodes: Set<String> = []
        for path in input.paths {
            do {
                files += try FilePattern(path, relativeTo: project.directory).files().filter {
                    nodes.insert($0.status.node).inserted
                }
            } catch {
                // What was loaded of a file that is gone is counted below.
                guard error.kind == .missing else { throw error }
            }
        }
        var planner = ReadPlanner(encoding: input.form.encoding) { known }
        let plans = Dictionary(
            try planner.plans(files).filter { identities.contains($0.identity) }.map { ($0.identity, $0) }
        ) { first, _ in first }
        var gone: Set<String> = []
        for load in try Ledger.loads(ofSource: sourceID, connection) {
            guard !load.hasDroppedRejects else {
                outcome.pastRetention += 1
                continue
            }
            guard let plan = plans[load.objectIdentity] else {
                outcome.gone += 1
                if gone.insert(load.object).inserted { outcome.goneNames.append("\(name): \(load.object)") }
                continue
            }
            outcome.loads += 1
            try compare(
                load, plan, source, input.form, source.identity == .project ? 0 : sourceID, &outcome)
        }
    }

    private func compare(
        _ load: RecordedLoad, _ plan: ReadPlan, _ source: SourceDefinition, _ form: RecordForm,
        _ scopeID: Int32, _ outcome: inout Outcome
    ) throws {
        let reader = try FileReader(
            plan, load.range, form: form, mapping: source.mapping)
        var batch = EventBatch()
        var (events, rejected, filtered) = (0, 0, 0)
        while try reader.fill(&batch) {
            events += batch.events.count
            rejected += batch.rejects.count
            filtered += batch.filtered
            let comparison = try Verification.compare(&batch, of: load, scopeID: scopeID, connection)
            outcome.problems += comparison.problems
            outcome.erased += comparison.erased
        }
        outcome.events += events
        // What a replay made of rejects is counted by the replay.
        if load.hasReplays
            ? rejected != load.rejected
            : (events + rejected + filtered, rejected, filtered) != (load.read, load.rejected, load.filtered)
        {
            outcome.problems.append(
                "load \(load.loadID) of \(load.object): the ledger says \(load.read) read, "
                    + "\(load.rejected) rejected, \(load.filtered) filtered; read again they are "
                    + "\(events + rejected + filtered), \(rejected) and \(filtered) "
                    + "(a mapping that was changed since has this effect too)")
        }
    }
}
