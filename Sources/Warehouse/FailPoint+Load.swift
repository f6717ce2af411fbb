import Postgres

extension FailPoint {
    /// The points of a load, in the order in which a batch passes them.
    package static let ofLoad = [
        "read-batch", "make-leaf", "copy-rows", "write-ledger", "commit", "committed", "finish-day",
        "finished-day",
    ]

    /// The points of a replay of rejects, in the order in which a batch passes them; the last one also where nothing of it
    /// was good.
    package static let ofReplay = ["copy-rows", "write-ledger", "settle", "commit", "committed"]
}
