import Events
import Postgres

/// Which rejects are meant: all that wait, unless something narrows them.
package struct RejectSelection: Sendable {
    /// By their numbers; these mean discarded ones, too.
    package var ids: [Int64]?
    package var pipeline: String?
    package var source: String?
    package var reason: String?
    /// Rejected at this time or later.
    package var since: Timestamp?

    package init() {}

    /// The parameters of `daybook.chosen_rejects`.
    ///
    /// - Parameter pipeline: takes the place of the selection's own.
    package func parameters(pipeline: String? = nil) -> [(any PostgresParameter)?] {
        [pipeline ?? self.pipeline, ids, reason, source, since?.description]
    }
}

/// What became of rejects that were read again.
package struct ReplayOutcome: Sendable, Encodable {
    /// Rejects whose records were read.
    package var tried = 0
    package var loaded = 0
    package var duplicate = 0
    package var superseded = 0
    package var filtered = 0
    /// Rejected again.
    package var rejected = 0
    /// Why they were, each with how often and one of them.
    package var reasons: [Reason] = []
    /// Those that cannot be read again, and why.
    package var unreadable: [Reason] = []

    package struct Reason: Sendable, Encodable {
        package let source: String
        package var rejects: Int
        package let reason: String
        /// The first of them.
        package let rejectID: Int64

        private enum CodingKeys: String, CodingKey {
            case source, rejects, reason
            case rejectID = "reject_id"
        }
    }

    /// Whether not one of those that were meant was good.
    package var isVain: Bool {
        loaded + duplicate + superseded + filtered == 0 && rejected + unreadable.count > 0
    }

    mutating func note(unreadable reason: String, of source: String, rejects: [Int64]) {
        ReplayOutcome.note(reason, source, rejects, in: &unreadable)
    }

    mutating func note(again reason: String, of source: String, _ rejectID: Int64) {
        ReplayOutcome.note(reason, source, [rejectID], in: &reasons)
    }

    /// More different ones nobody reads.
    private static let mostReasons = 1_000

    private static func note(
        _ reason: String, _ source: String, _ rejects: [Int64], in list: inout [Reason]
    ) {
        guard let first = rejects.first else { return }
        if let index = list.firstIndex(where: { $0.source == source && $0.reason == reason }) {
            list[index].rejects += rejects.count
        } else if list.count < mostReasons {
            list.append(
                Reason(source: source, rejects: rejects.count, reason: reason, rejectID: first))
        }
    }
}
