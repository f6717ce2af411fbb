import Events
import Extract
import Foundation
import Postgres
import Warehouse

/// How far a load has come.
package struct LoadProgress: Sendable {
    package var pipeline: String
    package var object = ""
    package var bytes: Int64 = 0
    package var totalBytes: Int64
    package var batches = 0
    package var counts = LoadCounts()
    package var seconds = 0.0
    /// The days that were filled without an index, and how many of them are being finished.
    package var days = (done: 0, all: 0)
    /// Seconds of all workers together, and those of them in which they wrote to the server.
    package var busySeconds = 0.0
    package var serverSeconds = 0.0

    init(pipeline: String, totalBytes: Int64) {
        self.pipeline = pipeline
        self.totalBytes = totalBytes
    }

    package var rowsPerSecond: Double { seconds > 0 ? Double(counts.read) / seconds : 0 }
    /// The share of the workers' time that the server took, 0 to 1.
    package var serverShare: Double { busySeconds > 0 ? min(1, serverSeconds / busySeconds) : 0 }
    /// At the pace so far; nil where there is none yet, or nobody knows how much is to come.
    package var secondsLeft: Double? {
        bytes > 0 && totalBytes > 0 ? seconds * Double(max(0, totalBytes - bytes)) / Double(bytes) : nil
    }
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
    enum Input {
        case files([ReadPlan], ClaimedBatches)
        case pull(PullPlan)
        case call(CommandPlan)
    }

    let source: SourceDefinition
    let sourceID: Int32
    let input: Input

    /// Bytes of files that are not read yet; what an API will tell, nobody knows.
    var remaining: Int64 {
        if case .files(let plans, _) = input { plans.reduce(0) { $0 + $1.likelyRemaining } } else { 0 }
    }

    /// Whether nobody knows how much there is to read.
    var isOpenEnded: Bool {
        if case .files(let plans, _) = input { plans.contains { $0.remaining == nil } } else { true }
    }

    var claims: ClaimedBatches {
        if case .files(_, let claims) = input { claims } else { ClaimedBatches() }
    }

    var isFile: Bool { if case .files = input { true } else { false } }

    func leavesMore(_ connection: Connection) throws -> Bool {
        if case .pull(let plan) = input { try plan.leavesMore(connection) } else { false }
    }
}

/// The half of a run that reads the sources of a pipeline and loads what is new in them.
struct SourceLoad {
    let pipeline: PipelineDefinition
    let project: Project
    let warehouse: Warehouse
    let crew: Crew
    let interruption: Interruption
    let observer: RunObserver

    /// Who loads.
    enum Crew: Equatable {
        /// Workers with connections of their own.
        case team(conninfo: String?, workers: Int)
        /// The run's own connection: in a rehearsal nobody else sees what it has written.
        case alone
    }

    /// Finds what is to be read, without reading it.
    private func plan() throws -> [Reading] {
        let catalogue = Catalogue(warehouse.connection)
        // Of all, before one of them cannot be planned: a source that is out of reach is to be seen growing old.
        let sourceIDs = try pipeline.sources.map { source in
            try catalogue.sourceID(of: source, in: pipeline)
        }
        return try zip(pipeline.sources, sourceIDs).map { source, sourceID in
            if try Ledger.forgetHopeless(sourceID, warehouse.connection) {
                observer.note(
                    "\(pipeline.name)/\(source.name): nothing of it was ever good; it is read from the start again"
                )
            }
            return Reading(source: source, sourceID: sourceID, input: try input(of: source, sourceID))
        }
    }

    private func input(of source: SourceDefinition, _ sourceID: Int32) throws -> Reading.Input {
        switch source.input {
        case .http(let api): return .pull(try PullPlan(api, sourceID: sourceID, warehouse.connection))
        case .command(let command, _):
            return .call(try CommandPlan(command, sourceID: sourceID, warehouse.connection))
        case .files(let input):
            let name = "\(pipeline.name)/\(source.name)"
            let files = try input.files(in: project) { observer.note("\(name): no file matches \($0)") }
            var planner = try ReadPlanner(input, sourceID: sourceID, warehouse.connection)
            let plans = try planner.plans(files)
            for file in planner.unsettled {
                observer.note("\(name): \(file.name) is still being written (settle); it waits")
            }
            return .files(plans, try Ledger.claims(ofSource: sourceID, warehouse.connection))
        }
    }

    /// Reads and loads what is new.
    ///
    /// - Parameter outcome: what was committed, also when it throws.
    func load(runID: Int64, outcome: inout LoadProgress) throws {
        let readings = try plan()
        var damaged: [String] = []
        var failed: [ExtractError] = []
        try load(readings, runID: runID, outcome: &outcome, &damaged, &failed)
        // A pull that was broken off has asked for what there was when it began.
        let left = Set(
            try readings.filter { try $0.leavesMore(warehouse.connection) }.map(\.source.name))
        if !left.isEmpty {
            let before = outcome
            try load(
                try plan().filter { left.contains($0.source.name) }, runID: runID, outcome: &outcome,
                &damaged, &failed)
            outcome.bytes += before.bytes
            outcome.batches += before.batches
            outcome.seconds += before.seconds
        }
        if !failed.isEmpty { throw FailedPrograms(failures: failed, damaged: damaged) }
        if !damaged.isEmpty { throw DamagedFiles(files: damaged) }
    }

    private func load(
        _ readings: [Reading], runID: Int64, outcome: inout LoadProgress, _ damaged: inout [String],
        _ failed: inout [ExtractError]
    ) throws {
        let totalBytes = readings.reduce(0) { $0 + $1.remaining }
        var (conninfo, workers): (String?, Int) = (nil, 1)
        if case .team(let target, let most) = crew {
            // What is small is not worth a connection more.
            var useful = totalBytes == 0 ? 0 : Int(totalBytes / SourceLoad.bytesPerWorker) + 1
            // How much an API or a program will tell, nobody knows.
            if readings.contains(where: { !$0.isFile }) { useful = max(useful, 3) }
            (conninfo, workers) = (target, min(most, useful))
        }
        let source = BatchSource(
            readings, pipeline: pipeline.name, runID: runID, workers: workers, interruption: interruption,
            observer: observer)
        // How far a pull will go is not known beforehand.
        let team = LoadTeam(
            pipeline: pipeline.name, totalBytes: readings.contains(where: \.isOpenEnded) ? 0 : totalBytes,
            conninfo: conninfo,
            lockHolder: warehouse.connection.processID, interruption: interruption, observer: observer)
        defer {
            outcome = team.state
            if let counts = try? Ledger.counts(ofRun: runID, warehouse.connection) { outcome.counts = counts }
        }
        let claims = totalBytes >= SourceLoad.buildingBytes && crew != .alone
        let builds = try claims && BuildingDays.claim(warehouse.connection)
        defer { if builds { try? BuildingDays.release(warehouse.connection) } }
        do {
            if crew == .alone {
                try team.load(source, by: warehouse.connection)
            } else {
                try team.load(source, workers: workers, buildsNewDays: builds)
            }
        } catch {
            // What was committed is to be seen, unless somebody waits for us to stop.
            if !interruption.isRequested {
                try? finish(runID, builds: builds, team, workers)
                try? finishPulls(of: source)
            }
            throw error
        }
        try finish(runID, builds: builds, team, workers)
        try finishPulls(of: source)
        for (sourceID, files) in source.filesAtEnd {
            try SeenFiles.note(files, ofSource: sourceID, warehouse.connection)
        }
        for reading in readings {
            try reading.source.maxRejected?.check(
                try Ledger.counts(ofRun: runID, source: reading.sourceID, warehouse.connection),
                reading.source)
        }
        source.tellWhatWaits()
        damaged += source.damagedFiles
        failed += source.failedPrograms
    }

    private func finishPulls(of source: BatchSource) throws {
        for pull in source.pullsAtEnd {
            try pull.finish(warehouse.connection)
        }
    }

    /// Finishes the days that this load filled without an index; another's too, where only we can be doing so.
    private func finish(_ runID: Int64, builds: Bool, _ team: LoadTeam, _ workers: Int) throws {
        guard crew != .alone else { return }
        let days = try BuildingDays.unfinished(ofRun: builds ? nil : runID, warehouse.connection)
        try team.finish(days, workers: workers)
    }

    private static let bytesPerWorker: Int64 = 16 << 20
    /// A load of this size fills new days without an index; a smaller one would not notice the difference.
    private static let buildingBytes: Int64 = 64 << 20
}

/// Programs that did not end well, or could not be started; what they wrote before is loaded, and stays, and the other
/// sources are, too.
package struct FailedPrograms: Error, CustomStringConvertible {
    let failures: [ExtractError]
    let damaged: [String]

    package var description: String { (failures.map(\.description) + damaged).joined(separator: "\n") }

    /// Whether one could not be read as what it is said to be.
    package var isBadData: Bool { failures.allSatisfy { $0.kind == .unsupported } }
}

/// Files that end in the middle of what they hold; what could be read before is loaded, and stays.
package struct DamagedFiles: Error, CustomStringConvertible {
    /// Each with what its program said of it.
    let files: [String]

    package var description: String {
        files.joined(separator: "\n") + "\nwhat could be read is loaded; "
            + "put sound copies in their places and run again, or remove them"
    }
}

extension ReadPlanner {
    /// Plans what is to be read of a source's files, by what the catalogue knows of them.
    init(_ input: FileInput, sourceID: Int32, _ connection: Connection) throws {
        let settleSeconds = input.settleSeconds
        self.init(
            encoding: input.form.encoding, seen: try SeenFiles.all(ofSource: sourceID, connection),
            isSettled: { file in settleSeconds.map { -file.modified.timeIntervalSinceNow >= $0 } ?? true },
            known: { try Ledger.objects(ofSource: sourceID, connection) })
    }
}

extension Catalogue {
    /// The id of a source as its definition is now.
    func sourceID(of source: SourceDefinition, in pipeline: PipelineDefinition) throws -> Int32 {
        try sourceID(
            pipeline: pipeline.name, name: source.name, entity: pipeline.entity, identity: source.identity,
            onChange: source.onChange, latenessMicroseconds: source.latenessMicroseconds,
            freshness: source.freshness, role: source.role, keepsOriginals: source.keepsOriginals)
    }
}

extension FileInput {
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
            all += files.filter { seen.insert($0.status.node).inserted }
        }
        return all
    }
}
