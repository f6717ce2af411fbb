import Transform
import Warehouse

/// What a run of a pipeline did; the shape of `daybook run --json`.
package struct RunReport: Sendable, Encodable {
    package enum Status: String, Sendable, Encodable { case succeeded, failed }

    package let runID: Int64
    package let pipeline: String
    package var status: Status
    package var load: LoadProgress
    package var seconds: Double
    package var models: [ModelResult]
    /// Whether all sources were read to their ends.
    var hasLoaded = false
    /// What became of rejects that it read again; nil where it read its sources.
    package var replay: ReplayOutcome?
    /// Why it failed.
    package var error: (any Error)?

    package var counts: LoadCounts { load.counts }

    private enum CodingKeys: String, CodingKey {
        case runID = "run_id"
        case pipeline, status, read, loaded, duplicate, conflicting, rejected, filtered, seconds
        case models, error, load, replay
    }

    /// How the load went, beside its counts.
    private struct LoadFigures: Encodable {
        let bytes: Int64
        let batches: Int
        let seconds: Double
        let rowsPerSecond: Double
        let serverShare: Double

        private enum CodingKeys: String, CodingKey {
            case bytes, batches, seconds
            case rowsPerSecond = "rows_per_second"
            case serverShare = "server_share"
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(runID, forKey: .runID)
        try values.encode(pipeline, forKey: .pipeline)
        try values.encode(status, forKey: .status)
        try values.encode(counts.read, forKey: .read)
        try values.encode(counts.loaded, forKey: .loaded)
        try values.encode(counts.duplicate, forKey: .duplicate)
        try values.encode(counts.conflicting, forKey: .conflicting)
        try values.encode(counts.rejected, forKey: .rejected)
        try values.encode(counts.filtered, forKey: .filtered)
        try values.encode(seconds, forKey: .seconds)
        try values.encode(models, forKey: .models)
        try values.encode(
            LoadFigures(
                bytes: load.bytes, batches: load.batches, seconds: load.seconds,
                rowsPerSecond: load.rowsPerSecond, serverShare: load.serverShare), forKey: .load)
        try values.encodeIfPresent(replay, forKey: .replay)
        if let error { try values.encode("\(error)", forKey: .error) }
    }
}

/// A load of which not one record was good: the definition and the data do not fit.
package struct NothingButRejects: Error, CustomStringConvertible {
    let rejected: Int
    package var description: String {
        "all \(rejected) records were rejected: the mapping does not fit the data; "
            + "the reasons are in daybook.rejects, and daybook check may name the mistake; "
            + "once it is mended, the next run reads all of it again"
    }
}
