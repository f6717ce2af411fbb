import Alerts
import Events
import Extract
import Foundation
import Postgres
import Transform
import Warehouse

/// What a run is asked to do.
package struct RunOptions: Sendable {
    package var loads = true
    package var transforms = true
    /// Reads these rejects again, instead of the sources.
    package var replays: RejectSelection?
    /// Takes the place of the clocks.
    package var asOf: Timestamp?
    /// Computes everything anew, and lets the time go back.
    package var isFullRefresh = false
    /// Days that are computed anew, both inclusive.
    package var restatedDays: ClosedRange<CalendarDay>?
    /// How long to wait for another run of the same pipeline.
    package var lockWaitSeconds = 10.0
    /// Who asked for it: `hand`, `schedule`, `deadline`, or any word.
    package var startedBy = "hand"
    /// The time of the pipeline's schedule that it stands for, and which attempt it is.
    package var nominal: (time: Timestamp, attempt: Int)?
    /// Connections that load at once.
    package var workers = defaultWorkers

    /// One more than the cores: while one worker parses and sorts, the server still has work on every core.
    package static let defaultWorkers = min(ProcessInfo.processInfo.activeProcessorCount + 1, 8)

    package init() {}
}

/// One run of some pipelines: load each, then transform what they all touched.
package struct Run {
    package let project: Project
    package let pipelines: [PipelineDefinition]
    package let options: RunOptions
    package let interruption: Interruption
    package let observer: RunObserver

    package init(
        _ project: Project, _ pipelines: [PipelineDefinition], _ options: RunOptions,
        interruption: Interruption, observer: RunObserver
    ) {
        self.project = project
        self.pipelines = pipelines
        self.options = options
        self.interruption = interruption
        self.observer = observer
    }

    /// Runs; a pipeline that fails does not keep the others from going on, and its report says why.
    ///
    /// - Throws: only what concerns all of them: the database out of reach, a lock, a schema that is not ours.
    package func run(_ conninfo: String?) throws -> [RunReport] {
        let warehouse = try Warehouse.open(conninfo, onNotice: observer.note)
        interruption.watch(warehouse.connection)
        defer { project.writeMetrics(conninfo, note: observer.note) }
        return try run(warehouse, .team(conninfo: conninfo, workers: options.workers))
    }

    /// Runs in one transaction, which is taken back, and says what would have changed.
    ///
    /// - Throws: also what a run would have failed with.
    package func rehearse(_ conninfo: String?) throws -> Rehearsal {
        let reads = options.loads ? try plan(conninfo) : []
        let connection = try Warehouse.connect(conninfo, onNotice: observer.note)
        interruption.watch(connection)
        return try connection.rehearsal {
            let warehouse = try Warehouse.open(on: connection)
            let reports = try run(warehouse, .alone)
            if let error = reports.lazy.compactMap(\.error).first { throw error }
            var rehearsal = try Rehearsal(reads, reports, connection)
            if options.replays != nil, options.transforms {
                let before = try AlertChange.states(connection)
                evaluateAlerts(reports, warehouse)
                rehearsal.alerts = try AlertChange.changes(since: before, connection)
            }
            return rehearsal
        }
    }

    private func run(_ warehouse: Warehouse, _ crew: SourceLoad.Crew) throws -> [RunReport] {
        for pipeline in pipelines {
            try PipelineLock.acquire(
                pipeline.name, waitSeconds: options.lockWaitSeconds, warehouse.connection,
                check: interruption.check)
        }
        let origins = try pipelines.map { try origin(of: $0, warehouse) }
        try finishAbandonedDays(warehouse)
        let models = try Model.ordered(try project.sqlFiles().folder("transforms"))
        let lineage =
            crew == .alone
            ? nil
            : OpenLineageReporter(
                project, options, models: models.map(\.name), warehouse.connection, note: observer.note)
        defer { lineage?.finish() }
        var reports = try zip(pipelines, origins).map { try load($0, $1, warehouse, crew, lineage) }
        if options.transforms { transform(models, &reports, warehouse, isRehearsal: crew == .alone) }
        for report in reports { try end(report, warehouse) }
        lineage?.end(reports, pipelines)
        if options.transforms, crew != .alone { evaluateAlerts(reports, warehouse) }
        if options.loads, options.transforms, crew != .alone { compact(warehouse) }
        return reports
    }

    /// Compacts what is old enough, where the project says how old that is. That it cannot is no failure of the run.
    private func compact(_ warehouse: Warehouse) {
        guard let age = project.definition.compactAfterMicroseconds, !interruption.isRequested else { return }
        do {
            let days = try CompactDays(
                warehouse, into: project.definition.storage, interruption: interruption, note: observer.note)
            let outcomes = try days.run(
                before: CompactDays.cutoff(ageMicroseconds: age), waitSeconds: options.lockWaitSeconds)
            let events = outcomes.reduce(0) { $0 + $1.events }
            if events > 0 {
                observer.note(
                    "compacted \(outcomes.count) day\(outcomes.count == 1 ? "" : "s") of \(events) events (compact_after)"
                )
            }
        } catch {
            observer.note("compact_after: \(error); the next run tries again")
        }
    }

    /// What a run would read; neither reads nor writes anything.
    package func plan(_ conninfo: String?) throws -> [PlannedRead] {
        let warehouse: Warehouse?
        do {
            warehouse = try Warehouse.open(conninfo, creating: false, onNotice: observer.note)
        } catch WarehouseError.empty {
            warehouse = nil
        }
        return try pipelines.flatMap { pipeline in
            try pipeline.sources.flatMap { source in
                try plan(source, of: pipeline, warehouse)
            }
        }
    }

    private func plan(
        _ source: SourceDefinition, of pipeline: PipelineDefinition, _ warehouse: Warehouse?
    ) throws -> [PlannedRead] {
        let sourceID = try warehouse.flatMap {
            try Catalogue($0.connection).findSourceID(pipeline: pipeline.name, name: source.name)
        }
        switch source.input {
        case .http(let api):
            var pull: PullPlan?
            if let warehouse, let sourceID {
                pull = try PullPlan(api, sourceID: sourceID, warehouse.connection)
            }
            return [
                PlannedRead(
                    pipeline: pipeline.name, source: source.name, object: api.name,
                    position: pull?.resumePosition ?? 0, bytes: nil, note: pull?.note)
            ]
        case .command(let command, _):
            var plan: CommandPlan?
            if let warehouse, let sourceID {
                plan = try CommandPlan(command, sourceID: sourceID, warehouse.connection)
            }
            return [
                PlannedRead(
                    pipeline: pipeline.name, source: source.name, object: command.name, position: 0,
                    bytes: nil,
                    note: plan?.note)
            ]
        case .files(let input):
            var planner = ReadPlanner(encoding: input.form.encoding) { [] }
            if let warehouse, let sourceID {
                planner = try ReadPlanner(input, sourceID: sourceID, warehouse.connection)
            }
            let files = try input.files(in: project) {
                observer.note("\(pipeline.name)/\(source.name): no file matches \($0)")
            }
            return try planner.plans(files).map { plan in
                PlannedRead(
                    pipeline: pipeline.name, source: source.name, object: plan.file.name,
                    position: plan.stretches.first?.start ?? plan.file.size, bytes: plan.remaining,
                    note: plan.note)
            }
        }
    }

    // MARK: - Steps

    /// Which times of its schedule a run of the pipeline stands for.
    ///
    /// - Throws: `AlreadyRun` where another run stood for them.
    private func origin(of pipeline: PipelineDefinition, _ warehouse: Warehouse) throws -> RunOrigin {
        var origin = RunOrigin()
        origin.startedBy = options.startedBy
        guard let (nominal, attempt) = options.nominal else { return origin }
        guard nominal.microseconds <= Date().addingTimeInterval(60).microseconds else {
            throw NominalInFuture(nominal: nominal)
        }
        let schedules = Schedules(warehouse.connection)
        let accounted = try schedules.accountedUntil(pipeline.name)
        if let accounted, accounted >= nominal.microseconds {
            // It was claimed; another attempt at it is a matter of how the one before went.
            guard let last = try schedules.lastAttempt(pipeline.name, at: nominal), !last.hasSucceeded,
                last.origin.attempt < attempt
            else { throw AlreadyRun(pipeline: pipeline.name, nominal: nominal) }
            origin.nominal = RunOrigin.Nominal(
                first: last.origin.first, last: nominal, count: last.origin.count, attempt: attempt)
            return origin
        }
        let times = accounted.flatMap {
            pipeline.schedule?.times(
                after: Date(microseconds: $0), through: Date(microseconds: nominal.microseconds))
        }
        origin.nominal = RunOrigin.Nominal(
            first: times.map { Timestamp(microseconds: $0.first.microseconds) } ?? nominal, last: nominal,
            count: times?.count ?? 1, attempt: attempt)
        return origin
    }

    /// Finishes the days that a killed run was filling; where another run is filling days, they are its own.
    private func finishAbandonedDays(_ warehouse: Warehouse) throws {
        guard try BuildingDays.claim(warehouse.connection) else { return }
        defer { try? BuildingDays.release(warehouse.connection) }
        let days = try BuildingDays.unfinished(warehouse.connection)
        if !days.isEmpty { observer.note("finishing \(days.count) days that a run left when it was killed") }
        for day in days {
            try interruption.check()
            try BuildingDays.finish(day, warehouse.connection)
        }
    }

    private func load(
        _ pipeline: PipelineDefinition, _ origin: RunOrigin, _ warehouse: Warehouse, _ crew: SourceLoad.Crew,
        _ lineage: OpenLineageReporter?
    ) throws -> RunReport {
        let stopwatch = Stopwatch()
        let begun = try Catalogue(warehouse.connection).beginRun(
            pipeline: pipeline.name, host: ProcessInfo.processInfo.hostName,
            processID: ProcessInfo.processInfo.processIdentifier, version: daybookVersion, origin: origin)
        guard let runID = begun else {
            throw AlreadyRun(pipeline: pipeline.name, nominal: origin.nominal!.last)
        }
        lineage?.begin(pipeline, runID: runID)
        var report = RunReport(
            runID: runID, pipeline: pipeline.name, status: .succeeded,
            load: LoadProgress(pipeline: pipeline.name, totalBytes: 0), seconds: 0, models: [])
        do {
            if let selection = options.replays {
                var outcome = ReplayOutcome()
                defer { report.replay = outcome }
                let replay = ReplayLoad(
                    pipeline, selection, project: project, warehouse: warehouse, interruption: interruption,
                    observer: observer)
                try replay.load(runID: runID, progress: &report.load, outcome: &outcome)
            } else if options.loads {
                let load = SourceLoad(
                    pipeline: pipeline, project: project, warehouse: warehouse, crew: crew,
                    interruption: interruption, observer: observer)
                try load.load(runID: runID, outcome: &report.load)
                report.hasLoaded = true
                if try Ledger.isHopeless(runID, warehouse.connection) {
                    throw NothingButRejects(rejected: report.counts.rejected)
                }
            }
        } catch {
            report.fail(error)
        }
        report.seconds = stopwatch.seconds
        return report
    }

    /// One transform for all: the models see the events of every pipeline.
    private func transform(
        _ models: [Model], _ reports: inout [RunReport], _ warehouse: Warehouse, isRehearsal: Bool
    ) {
        let loaded = reports.indices.filter {
            reports[$0].status == .succeeded || reports[$0].error is DamagedFiles
                || reports[$0].error is FailedPrograms
        }
        guard !loaded.isEmpty else { return }
        let stopwatch = Stopwatch()
        let ready = loaded.map { pipelines[$0] }
        let catalogue = Catalogue(warehouse.connection)
        let restated = options.restatedDays.map {
            RestatedDays(
                pipelines: ready.map(\.name), from: $0.lowerBound.description, to: $0.upperBound.description)
        }
        do {
            try interruption.check()
            var names = ready.map(\.name)
            if options.isFullRefresh, Set(names) == Set(project.pipelineNames) {
                // All that the project has is known: what others defined is gone.
                names = Set(names).union(try catalogue.pipelines()).sorted()
            }
            let results = try TransformRunner(
                models, warehouse.connection, isFullRefresh: options.isFullRefresh, restated: restated,
                eventTables: EventTables(ready.flatMap(\.eventFields), ofPipelines: names),
                caseKeys: CaseKeys(ready.flatMap(\.keys), ofPipelines: names),
                calendar: ReportCalendar(
                    timeZone: project.definition.timeZone, locale: project.definition.locale),
                showsChanges: isRehearsal
            ).run {
                try catalogue.define(ready.flatMap(\.slas), ofPipelines: names)
                try catalogue.retireSources(
                    besides: ready.flatMap { pipeline in
                        pipeline.sources.map { (pipeline: pipeline.name, name: $0.name) }
                    }, ofPipelines: names)
                try catalogue.setClocks(
                    asOf: options.asOf, ofPipelines: names, mayGoBack: options.isFullRefresh)
            }
            for index in loaded { reports[index].models = results }
            if let refused = results.first(where: { $0.model == EventTables.refusals })?.rowsChanged,
                refused > 0
            {
                observer.note(
                    "values that are not of their declared type have come or gone (\(refused)); they are null in the "
                        + "tables of events, and in daybook.rejects with the reason_code conversion")
            }
        } catch {
            for index in loaded { reports[index].fail(error) }
        }
        for index in loaded { reports[index].seconds += stopwatch.seconds }
    }

    /// Judges by what the tables hold now. That it cannot is no failure of the run, and the next run finds the same.
    private func evaluateAlerts(_ reports: [RunReport], _ warehouse: Warehouse) {
        let rules = pipelines.flatMap(\.alerts)
        do {
            let book = AlertBook(warehouse.connection)
            guard try !rules.isEmpty || book.hasRules(), !interruption.isRequested else { return }
            var names = pipelines.map(\.name)
            if Set(names) == Set(project.pipelineNames) {
                // All that the project has is known: the rules of pipelines that are gone are, too.
                names += try book.pipelines()
            }
            let outcome = try book.evaluate(
                rules, ofPipelines: names, channels: project.definition.channels, project: project.name)
            if outcome.fired > 0 || outcome.ended > 0 { observer.note("alerts: \(outcome)") }
            for failure in outcome.failures { observer.note("alerts: \(failure)") }
        } catch {
            observer.note("alerts: \(error); the next run tries again")
        }
    }

    private func end(_ report: RunReport, _ warehouse: Warehouse) throws {
        do {
            try Catalogue(warehouse.connection).endRun(
                report.runID, report.counts, error: report.error.map { "\($0)" },
                hasLoaded: report.hasLoaded, mayPass: report.error?.mayPass ?? false)
        } catch  where report.error != nil {
            // With the connection lost, the run's own error is the one to tell; the next run closes its row.
        }
    }
}

extension RunReport {
    fileprivate mutating func fail(_ error: any Error) {
        status = .failed
        let isCancelled = (error as? PostgresError)?.isCancelled ?? false
        self.error = isCancelled ? Interrupted() : error
    }
}

/// A time of the schedule that is yet to come.
package struct NominalInFuture: Error, CustomStringConvertible {
    let nominal: Timestamp
    package var description: String { "--nominal is \(nominal), which is yet to come" }
}

extension Error {
    /// Whether the same may go well a little later: what is out of reach comes back, a lock is freed, a kill is over.
    fileprivate var mayPass: Bool {
        switch self as any Error {
        case let error as ExtractError: error.kind != .unsupported
        case let error as FailedPrograms: !error.isBadData
        case let error as PostgresError: error.kind == .connect || error.kind == .connectionLost
        case WarehouseError.locked, WarehouseError.lockLost, WarehouseError.viewInUse,
            WarehouseError.transforming:
            true
        case is PrivateServerError, is Interrupted: true
        default: false
        }
    }
}

/// A run stood for this time of the schedule already, as another scheduler's may.
package struct AlreadyRun: Error, CustomStringConvertible {
    let pipeline: String
    let nominal: Timestamp
    package var description: String { "\(pipeline): \(nominal) is accounted for already; nothing is to do" }
}

/// One file, or API, that a run would read.
package struct PlannedRead: Sendable, Encodable {
    package let pipeline: String
    package let source: String
    package let object: String
    /// The byte offset at which reading would begin.
    package let position: Int64
    /// Bytes that would be read; nil of an API, of which nobody knows.
    @OrNull package private(set) var bytes: Int64?
    @OrNull package private(set) var note: String?
}

/// The version of this program.
package let daybookVersion = "0.1.0"
