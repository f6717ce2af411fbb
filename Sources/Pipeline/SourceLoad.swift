import Events
import Extract
import Foundation
import Postgres
import Warehouse

/// How far a load has come.
package struct LoadProgress: Sendable {
    package var pipeline: String
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
    /// What workers connect with.
    let conninfo: String?
    let interruption: Interruption
    let observer: RunObserver

    /// Finds what is to be read, without reading it.
    func plan() throws -> [Reading] {
        let catalogue = Catalogue(warehouse.connection)
        return try pipeline.sources.map { source in
            let sourceID = try catalogue.sourceID(
                pipeline: pipeline.name, name: source.name, entity: pipeline.entity)
            if try Ledger.forgetHopeless(sourceID, warehouse.connection) {
                observer.note(
                    "\(pipeline.name)/\(source.name): nothing of it was ever good; it is read from the start again"
                )
            }
            let known = try Ledger.objects(ofSource: sourceID, warehouse.connection)
            let files = try source.files(in: project) {
                observer.note("\(pipeline.name)/\(source.name): no file matches \($0)")
            }
            return Reading(source: source, sourceID: sourceID, plans: try ReadPlan.make(files, known: known))
        }
    }

    /// Reads and loads what is planned, with a team of workers.
    ///
    /// - Parameter counts: what was committed, also when it throws.
    func load(_ readings: [Reading], runID: Int64, workers: Int, counts: inout LoadCounts) throws {
        let totalBytes = readings.flatMap(\.plans).reduce(0) { $0 + $1.remaining }
        let source = BatchSource(readings, pipeline: pipeline.name, runID: runID, observer: observer)
        // What is small is not worth a connection more.
        let useful = totalBytes == 0 ? 0 : Int(totalBytes / SourceLoad.bytesPerWorker) + 1
        let team = LoadTeam(
            source, pipeline: pipeline.name, totalBytes: totalBytes, conninfo: conninfo,
            interruption: interruption, observer: observer)
        defer { counts += team.counts }
        try team.load(workers: min(workers, useful))
        source.tellWhatWaits()
    }

    private static let bytesPerWorker: Int64 = 16 << 20
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
            all += files.filter { seen.insert($0.node).inserted }
        }
        return all
    }
}
