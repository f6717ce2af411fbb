import Postgres

extension FailPoint {
    /// The points of a load, in the order in which a batch passes them.
    package static let ofLoad = [
        "read-batch", "make-leaf", "copy-rows", "write-ledger", "commit", "committed", "finish-day",
        "finished-day",
    ]
}
