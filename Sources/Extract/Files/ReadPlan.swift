import Events

/// What is to be read of a file.
package struct ReadPlan: Sendable {
    /// From a record's first byte to a record's end, or to the end of the file.
    package struct Stretch: Sendable, Equatable {
        package let start: Int64
        /// `Int64.max` where only reading tells.
        package let end: Int64
        /// The physical line at `start`.
        package let line: Int64
        /// Whether the end is the file's: then the last record may still grow.
        package let isTail: Bool

        package init(start: Int64, end: Int64, line: Int64, isTail: Bool) {
            (self.start, self.end, self.line, self.isTail) = (start, end, line, isTail)
        }

        /// What a batch covered.
        package init(_ range: ReadRange) {
            self.init(start: range.start, end: range.end, line: range.firstLine, isTail: false)
        }
    }

    package let file: FoundFile
    package let identity: String
    /// In order; empty where nothing is new.
    package let stretches: [Stretch]
    /// The hash of the KiB before the last stretch, where it does not begin at 0: what is read goes on behind it.
    package let tailHash: String?
    /// What a person should know: the file was truncated, replaced or renamed.
    package let note: String?
    /// Why the end of the file cannot be read, where that is known already.
    package let damage: String?
    /// Whether the file is as it was when it was read last.
    package let isUnchanged: Bool
    /// Whether the file changed so shortly before that its next change might not show in its time.
    package var isFresh = false

    /// A file from its start.
    ///
    /// - Parameter end: its size; `Int64.max` where only reading tells.
    package init(_ file: FoundFile, identity: String, end: Int64 = .max, note: String? = nil) {
        self.init(file, identity: identity, from: (0, 1), end: end, note: note)
    }

    init(
        _ file: FoundFile, identity: String, holes: [KnownObject.Hole] = [],
        from start: (position: Int64, line: Int64), tailHash: String? = nil, end: Int64, note: String?
    ) {
        self.file = file
        self.tailHash = tailHash
        self.identity = identity
        self.note = note
        damage = nil
        isUnchanged = false
        stretches =
            holes.map { Stretch(start: $0.start, end: $0.end, line: $0.line, isTail: false) }
            + [Stretch(start: start.position, end: end, line: start.line, isTail: true)].filter {
                $0.end > $0.start
            }
    }

    /// A file of which nothing is to be read.
    init(_ file: FoundFile, identity: String, note: String? = nil, damage: String?, isUnchanged: Bool) {
        self.file = file
        self.identity = identity
        tailHash = nil
        self.note = note
        self.damage = damage
        self.isUnchanged = isUnchanged
        stretches = []
    }

    /// The file as it is to be known once it was read.
    ///
    /// - Parameter damage: why its end is none.
    package func seen(damage: String?) -> SeenFile {
        SeenFile(
            object: file.name, node: file.status.node, size: file.size,
            modifiedNanoseconds: isFresh ? 0 : file.status.modifiedNanoseconds, identity: identity,
            damage: damage)
    }

    /// Bytes that are not read yet; nil where only reading tells.
    package var remaining: Int64? {
        stretches.contains { $0.end == .max } ? nil : stretches.reduce(0) { $0 + $1.end - $1.start }
    }

    /// As `remaining`, or a guess at it: of logs, compression leaves about an eighth. Where it leaves less, something may
    /// remain all the same.
    package var likelyRemaining: Int64 {
        remaining ?? max(1, file.size * 8 - (stretches.last?.start ?? 0))
    }
}
