import Events
import Extract
import Foundation
import Postgres
import Warehouse

/// How far a load has come.
package struct LoadProgress: Sendable {
    package var pipeline: String
    package var source: String
    package var object: String
    package var bytes: Int64
    package var totalBytes: Int64
    package var counts: LoadCounts
    package var seconds: Double
}

/// What a run tells while it goes on; called on the thread that runs.
package struct RunObserver {
    /// After each batch.
    package var progress: (LoadProgress) -> Void
    /// Something a person should know, with its place.
    package var note: (String) -> Void

    package init(progress: @escaping (LoadProgress) -> Void, note: @escaping (String) -> Void) {
        self.progress = progress
        self.note = note
    }
}

/// What the ledger leaves to read of one source.
struct Reading {
    let source: SourceDefinition
    let sourceID: Int32
    let plans: [ReadPlan]
}

/// The half of a run that reads the sources of a pipeline and loads what is new in them.
struct SourceLoad {
    let pipeline: PipelineDefinition
    let project: Project
    let warehouse: Warehouse
    let interruption: Interruption
    let observer: RunObserver

    /// Finds what is to be read, without reading it.
    func plan() throws -> [Reading] {
        let catalogue = Catalogue(warehouse.connection)
        return try pipeline.sources.map { source in
            let sourceID = try catalogue.sourceID(
                pipeline: pipeline.name, name: source.name, entity: pipeline.entity)
            let known = try Ledger.objects(ofSource: sourceID, warehouse.connection)
            let files = try source.files(in: project) {
                observer.note("\(pipeline.name)/\(source.name): no file matches \($0)")
            }
            return Reading(source: source, sourceID: sourceID, plans: try ReadPlan.make(files, known: known))
        }
    }

    /// Reads and loads, batch by batch; each is committed with its ledger row before the next begins.
    func load(_ readings: [Reading], runID: Int64, counts: inout LoadCounts) throws {
        let began = Date()
        var progress = LoadProgress(
            pipeline: pipeline.name, source: "", object: "", bytes: 0,
            totalBytes: readings.flatMap(\.plans).reduce(0) { $0 + $1.remaining }, counts: counts, seconds: 0)
        var loader = Loader(warehouse.connection)
        var batch = EventBatch()
        for reading in readings {
            let name = "\(pipeline.name)/\(reading.source.name)"
            for plan in reading.plans {
                if let note = plan.note { observer.note("\(name): \(plan.file.name) \(note)") }
                guard plan.remaining > 0 else { continue }
                let reader = try FileReader(
                    plan, format: reading.source.format, mapping: reading.source.mapping,
                    isSettled: isSettled(plan.file, reading.source), maxLine: reading.source.maxLine)
                while try reader.fill(&batch) {
                    try interruption.check()
                    let origin = BatchOrigin(
                        runID: runID, pipeline: pipeline.name, sourceID: reading.sourceID,
                        object: plan.file.name,
                        objectIdentity: plan.identity, tailHash: try reader.tailHash(before: batch.range.end))
                    let loaded = try loader.load(batch, from: origin)
                    counts += loaded
                    progress.source = reading.source.name
                    progress.object = plan.file.name
                    progress.bytes += batch.range.end - batch.range.start
                    progress.counts = counts
                    progress.seconds = Date().timeIntervalSince(began)
                    noteRejects(batch, name, plan.file.name)
                    observer.progress(progress)
                }
                let rest = reader.size - reader.position
                if rest > 0 {
                    observer.note(
                        "\(name): the last \(rest) bytes of \(plan.file.name) have no line end yet; they wait for it"
                    )
                }
            }
        }
    }

    private func isSettled(_ file: FoundFile, _ source: SourceDefinition) -> Bool {
        source.settleSeconds.map { Date().timeIntervalSince(file.modified) >= $0 } ?? false
    }

    /// The first rejects of a batch; all of them are in `daybook.rejects`.
    private func noteRejects(_ batch: borrowing EventBatch, _ name: String, _ object: String) {
        let shown = 3
        for reject in batch.rejects.prefix(shown) {
            observer.note(
                "\(name): \(object) line \(reject.line) (byte \(reject.position)): \(reject.reason)")
        }
        if batch.rejects.count > shown {
            observer.note(
                "\(name): \(object): \(batch.rejects.count - shown) more rejected; all are in daybook.rejects"
            )
        }
    }
}

extension SourceDefinition {
    /// The source's files, each once.
    ///
    /// - Parameter onNoMatch: gets each pattern that matches nothing.
    /// - Throws: `missing` where a literal path names nothing.
    func files(in project: Project, onNoMatch: (String) -> Void) throws(ExtractError) -> [FoundFile] {
        var seen: Set<String> = []
        var all: [FoundFile] = []
        for path in paths {
            let files = try FilePattern(path, relativeTo: project.directory).files()
            if files.isEmpty { onNoMatch(path) }
            all += files.filter { seen.insert($0.path).inserted }
        }
        return all
    }
}
