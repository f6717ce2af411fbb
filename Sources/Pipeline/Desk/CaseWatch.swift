import Foundation
import Postgres
import SQLFiles
import Warehouse

/// Loads pipelines again and again until a case is as expected, or the time is over.
package struct CaseWatch {
    package let caseID: String
    package let entity: String?
    package let expectation: Expectation
    private let project: Project
    private let pipelines: [PipelineDefinition]
    private let conninfo: String?
    private let interruption: Interruption
    private let note: (String) -> Void

    package struct Outcome {
        package var progress: Expectation.Progress
        /// The rows of `sql/desk/timeline.sql`; nil where the database holds nothing yet.
        package var events: Result?
        package var seconds: Double
    }

    /// - Parameter note: is told once what keeps a pipeline from being loaded.
    package init(
        caseID: String, entity: String?, expectation: Expectation, project: Project,
        pipelines: [PipelineDefinition], conninfo: String?, interruption: Interruption,
        note: @escaping (String) -> Void
    ) {
        (self.caseID, self.entity, self.expectation) = (caseID, entity, expectation)
        (self.project, self.pipelines, self.conninfo) = (project, pipelines, conninfo)
        (self.interruption, self.note) = (interruption, note)
    }

    /// - Parameter waiting: is told how many seconds are left.
    package func run(
        timeoutSeconds: Double, pauseSeconds: Double, waiting: (Double) -> Void
    ) throws -> Outcome {
        let stopwatch = Stopwatch()
        let notes = Notes(note)
        var reader: Connection?
        while true {
            let runs = try pipelines.flatMap { try load($0, notes) }
            if reader == nil { reader = try open() }
            if let reader { try forget(runs, reader) }
            let events = try reader.map {
                try $0.query(SQLFiles.builtin.text("desk/timeline.sql"), [caseID, entity])
            }
            let types = try events?.rows.map { try $0.get("type", as: String.self) } ?? []
            let outcome = Outcome(
                progress: expectation.progress(types), events: events, seconds: stopwatch.seconds)
            let left = timeoutSeconds - stopwatch.seconds
            guard outcome.progress.missing != nil, left > 0 else { return outcome }
            waiting(left)
            let until = stopwatch.seconds + min(pauseSeconds, left)
            while stopwatch.seconds < until {
                try interruption.check()
                Thread.sleep(forTimeInterval: max(0.001, min(0.05, until - stopwatch.seconds)))
            }
        }
    }

    /// What keeps it from loading may pass: a service that has not written its file yet, or another run.
    ///
    /// - Returns: the runs that it took.
    private func load(_ pipeline: PipelineDefinition, _ notes: Notes) throws -> [Int64] {
        var options = RunOptions()
        options.transforms = false
        options.lockWaitSeconds = 0
        options.startedBy = "expect"
        let run = Run(
            project, [pipeline], options, interruption: interruption,
            observer: RunObserver(progress: { _ in }, note: notes.say))
        do {
            return try run.run(conninfo).map { report in
                if let error = report.error {
                    if error is Interrupted { throw error }
                    notes.say("\(report.pipeline): \(error)")
                }
                return report.runID
            }
        } catch let error as WarehouseError {
            guard case .locked = error else { throw error }
            notes.say("\(pipeline.name): another run loads it; what that brings is seen, too")
            return []
        }
    }

    /// A look that brought nothing is no run that anybody wants to find: there is one each second.
    private func forget(_ runs: [Int64], _ connection: Connection) throws {
        try connection.query(
            """
            DELETE FROM daybook.runs AS r
            WHERE r.run_id = ANY ($1::bigint[])
                AND NOT EXISTS (SELECT FROM daybook.loads AS l WHERE l.run_id = r.run_id)
            """, [runs])
    }

    /// Nil where there is nothing to read yet.
    private func open() throws -> Connection? {
        do {
            return try Warehouse.open(conninfo, creating: false).connection
        } catch WarehouseError.empty {
            return nil
        }
    }

    /// Says each thing once.
    private final class Notes {
        private var said: Set<String> = []
        private let note: (String) -> Void

        init(_ note: @escaping (String) -> Void) { self.note = note }

        func say(_ text: String) {
            if said.insert(text).inserted { note(text) }
        }
    }
}
