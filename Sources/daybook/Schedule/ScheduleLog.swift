import Foundation
import Pipeline

/// What a schedule tells of itself: a line for each run, on stderr; with `--json` the document of each run, as a line on
/// stdout.
struct ScheduleLog: Sendable {
    let isJSON: Bool
    /// Tells of failures alone.
    let isQuiet: Bool
    /// Where a journal notes the time of each line, the line need not.
    private let hasTimes = ProcessInfo.processInfo.environment["JOURNAL_STREAM"] == nil

    func note(_ text: String) {
        if !isQuiet { line(text) }
    }

    func began(_ launch: Scheduler.Launch) {
        switch launch.cause {
        case .deadline: note("\(launch.pipeline): an open case has passed its deadline")
        case .schedule(let times, let attempt):
            let again = attempt > 1 ? ", attempt \(attempt)" : ""
            if times.count > 1 || attempt > 1 {
                note("\(launch.pipeline): run for \(ScheduleLog.text(times))\(again)")
            }
        }
    }

    /// Tells how a run ended.
    ///
    /// - Returns: why it failed, in a line.
    func ended(_ pipeline: String, _ ending: ChildRun.Ending) -> String {
        let report = try? JSONDecoder().decode(Report.self, from: Data(ending.output.utf8))
        if isJSON, !ending.output.isEmpty,
            let document = try? JSONSerialization.jsonObject(with: Data(ending.output.utf8)),
            let line = try? JSONSerialization.data(
                withJSONObject: document, options: [.sortedKeys, .withoutEscapingSlashes])
        {
            JSONOutput.write(String(decoding: line, as: UTF8.self))
        }
        if ending.code == 0 {
            if let counts = report?.counts { note("\(pipeline): \(counts)") }
            return ""
        }
        let how =
            ending.code > 128 && ending.code < 160 && ending.code != ExitCode.interrupted.rawValue
            ? "the run was ended by signal \(ending.code - 128)" : "exit code \(ending.code)"
        let reason = (report?.error).flatMap { $0.split(separator: "\n").first.map(String.init) } ?? how
        line("\(pipeline): the run failed: \(reason)")
        return reason
    }

    /// Times of a schedule in words.
    static func text(_ times: NominalTimes) -> String {
        let (first, last) = (times.first.formatted(.iso8601), times.last.formatted(.iso8601))
        return times.count == 1 ? last : "\(Human.count(times.count)) times from \(first) to \(last)"
    }

    private func line(_ text: String) {
        Terminal.error(hasTimes ? "\(Date().formatted(.iso8601)) \(text)" : text)
    }

    /// What is read of a run's document.
    private struct Report: Decodable {
        let runID: Int64?
        let read: Int?
        let loaded: Int?
        let rejected: Int?
        let seconds: Double?
        let error: String?

        private enum CodingKeys: String, CodingKey {
            case runID = "run_id"
            case read, loaded, rejected, seconds, error
        }

        var counts: String? {
            guard let runID, let read, let loaded, let seconds else { return nil }
            let rejects = (rejected ?? 0) > 0 ? ", \(Human.count(rejected ?? 0)) rejected" : ""
            return "\(Human.count(read)) read, \(Human.count(loaded)) loaded\(rejects) "
                + "(run \(runID), \(Human.duration(seconds)))"
        }
    }
}
