import Events

/// Where a batch comes from, as its ledger row says, and how its events are told apart.
package struct BatchOrigin: Sendable {
    package var loadID: Int64
    package var runID: Int64
    package var pipeline: String
    package var sourceID: Int32
    package var identity: EventIdentity
    package var onChange: OnChange
    package var object: String
    package var objectIdentity: String
    /// Hash of the last KiB before the batch's end.
    package var tailHash: String
    /// Of an API: where reading goes on behind the batch, as JSON.
    package var checkpoint: String?
    /// Of CSV: the names of the columns.
    package var columns: [String] = []
    /// Of rejects that are read again: which of them the batch's events are made of.
    package var replay: ReplayedRecords?

    package init(
        loadID: Int64, runID: Int64, pipeline: String, sourceID: Int32,
        identity: EventIdentity = .source, onChange: OnChange = .keepFirst, object: String,
        objectIdentity: String, tailHash: String, checkpoint: String? = nil
    ) {
        self.loadID = loadID
        self.runID = runID
        self.pipeline = pipeline
        self.sourceID = sourceID
        self.identity = identity
        self.onChange = onChange
        self.object = object
        self.objectIdentity = objectIdentity
        self.tailHash = tailHash
        self.checkpoint = checkpoint
    }

    /// The scope in which the events' ids are unique: what `raw.events.source_id` holds.
    package var scopeID: Int32 { identity == .project ? 0 : sourceID }
}

/// Where event ids are unique; the raw values are those of the definition and of `daybook.sources`.
package enum EventIdentity: String, Sendable, CaseIterable { case source, project }

/// Which content stays where an event comes again with another.
package enum OnChange: String, Sendable, CaseIterable {
    case keepFirst = "keep_first"
    case keepLast = "keep_last"
}

/// Reads records of a batch once more, by their positions; a batch does not keep their bytes.
package typealias RecordLookup = (_ positions: Set<Int64>) throws -> [Int64: SourceRecord]
