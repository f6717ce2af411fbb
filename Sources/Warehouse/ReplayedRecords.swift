import Events
import Postgres

/// Rejects that are read again as one load: which of a batch's events and rejects each of them became.
///
/// A reject whose record is good now is told so in the transaction that loads it. One that is rejected again waits on, with
/// the new reason; both count as an attempt.
package struct ReplayedRecords: Sendable {
    /// A record, and the rejects that it left: one, or one for each of its events that was not good.
    package struct Record: Sendable {
        package var rejects: [Rejected]
        /// Events that it yields now, those that were there already among them.
        package var events = 0

        package init(_ rejects: [Rejected]) { self.rejects = rejects }
    }

    package struct Rejected: Sendable {
        package let id: Int64
        /// Which event of the record it is; nil: the record as a whole.
        package let eventIndex: Int?

        package init(id: Int64, eventIndex: Int?) { (self.id, self.eventIndex) = (id, eventIndex) }
    }

    package var records: [Record] = []
    /// The record at each position of the batch.
    package var recordAt: [Int64: Int] = [:]
    /// Positions of events that were left out, since a later version of them is there.
    package var superseded: [Int64] = []

    package init() {}

    /// Writes what became of the rejects; inside the transaction that loads the batch, or in one of its own where nothing
    /// is to be loaded.
    ///
    /// - Parameter loaded: the positions of events that brought rows; nil: all did.
    func settle(
        _ batch: borrowing EventBatch, loaded: Set<Int64>?, loadID: Int64?, _ connection: Connection
    ) throws {
        var again: [Int: [Int]] = [:]
        for index in batch.rejects.indices {
            if let record = recordAt[batch.rejects[index].position] {
                again[record, default: []].append(index)
            }
        }
        var new: Set<Int> = []
        for position in loaded ?? Set(batch.events.map(\.position)) {
            if let record = recordAt[position] { new.insert(record) }
        }
        let old = Set(superseded.compactMap { recordAt[$0] })
        var good = Good()
        var bad = Bad()
        for (index, record) in records.enumerated() {
            let outcome =
                new.contains(index)
                ? "loaded" : old.contains(index) ? "superseded" : record.events > 0 ? "duplicate" : "filtered"
            for rejected in record.rejects {
                // What happened to another event of the record is no matter of this one.
                let reasons = (again[index] ?? []).filter { place in
                    let eventIndex = batch.rejects[place].eventIndex
                    return rejected.eventIndex == nil || eventIndex == nil
                        || eventIndex == rejected.eventIndex
                }
                guard let first = reasons.first else {
                    good.ids.append(rejected.id)
                    good.outcomes.append(outcome)
                    continue
                }
                bad.ids.append(rejected.id)
                bad.codes.append(batch.rejects[first].code.rawValue)
                bad.reasons.append(
                    batch.rejects[first].reason
                        + (reasons.count > 1 ? " (and \(reasons.count - 1) more of its events)" : ""))
            }
        }
        if !good.ids.isEmpty {
            try connection.query(
                """
                UPDATE daybook.rejects AS r
                SET replayed_at = now(), last_tried_at = now(), replay_load_id = $1::bigint, outcome = o.outcome,
                    attempts = attempts + 1
                FROM unnest($2::bigint[], $3::text[]) AS o (reject_id, outcome)
                WHERE r.reject_id = o.reject_id
                """, [loadID, good.ids, good.outcomes], action: "note what became of rejects")
        }
        if !bad.ids.isEmpty {
            try connection.query(
                """
                UPDATE daybook.rejects AS r
                SET last_tried_at = now(), reason_code = o.reason_code, reason = o.reason, attempts = attempts + 1
                FROM unnest($1::bigint[], $2::text[], $3::text[]) AS o (reject_id, reason_code, reason)
                WHERE r.reject_id = o.reject_id
                """, [bad.ids, bad.codes, bad.reasons], action: "note what became of rejects")
        }
    }

    /// Writes that all were rejected again.
    package func settleNothing(_ batch: borrowing EventBatch, _ connection: Connection) throws {
        try connection.transaction { try settle(batch, loaded: [], loadID: nil, connection) }
        FailPoint.pass("committed")
    }

    private struct Good {
        var ids: [Int64] = []
        var outcomes: [String] = []
    }

    private struct Bad {
        var ids: [Int64] = []
        var codes: [String] = []
        var reasons: [String] = []
    }
}
