import Events

/// What is to be read of a file.
package struct ReadPlan: Sendable {
    /// From a record's first byte to a record's end, or to the end of the file.
    package struct Stretch: Sendable, Equatable {
        package let start: Int64
        package let end: Int64
        /// The physical line at `start`.
        package let line: Int64
        /// Whether the end is the file's: then the last record may still grow.
        package let isTail: Bool
    }

    package let file: FoundFile
    package let identity: String
    /// In order; empty where nothing is new.
    package let stretches: [Stretch]
    /// What a person should know: the file was truncated, replaced or renamed.
    package let note: String?

    /// A file from its start.
    package init(_ file: FoundFile, identity: String, note: String? = nil) {
        self.init(file, identity: identity, holes: [], position: 0, line: 1, note: note)
    }

    private init(
        _ file: FoundFile, identity: String, holes: [KnownObject.Hole], position: Int64, line: Int64,
        note: String?
    ) {
        self.file = file
        self.identity = identity
        self.note = note
        stretches =
            holes.map { Stretch(start: $0.start, end: $0.end, line: $0.line, isTail: false) }
            + [Stretch(start: position, end: file.size, line: line, isTail: true)].filter {
                $0.end > $0.start
            }
    }

    /// Bytes that are not read yet.
    package var remaining: Int64 { stretches.reduce(0) { $0 + $1.end - $1.start } }

    /// Finds for each file the object that it continues, or makes it a new one.
    ///
    /// A file continues an object when it begins with the bytes of the object's fingerprint and the KiB before
    /// the object's end is the same. Names decide first, so that a copy under another name is an object of its own;
    /// then files whose name is new may continue objects that no file of their own name continues: renamed ones.
    package static func make(_ files: [FoundFile], known: [KnownObject]) throws(ExtractError) -> [ReadPlan] {
        var plans: [Int: ReadPlan] = [:]
        var unclaimed = known
        var identities = Set(known.map(\.identity))
        func continued(_ file: OpenFile, _ candidates: [KnownObject]) throws(ExtractError) -> KnownObject? {
            var best: KnownObject?
            var hashes: [Int64: String?] = [:]
            for candidate in candidates where candidate.endPosition > best?.endPosition ?? -1 {
                guard let fingerprint = Fingerprint(identity: candidate.identity) else { continue }
                if hashes[fingerprint.length] == nil {
                    hashes[fingerprint.length] = try file.prefixHash(fingerprint.length)
                }
                guard hashes[fingerprint.length] == fingerprint.hash,
                    try file.tailHash(before: candidate.endPosition) == candidate.tailHash
                else { continue }
                best = candidate
            }
            return best
        }
        func claim(_ object: KnownObject, by index: Int, note: String?) {
            unclaimed.removeAll { $0.identity == object.identity }
            plans[index] = ReadPlan(
                files[index], identity: object.identity, holes: object.holes, position: object.endPosition,
                line: object.endLine, note: note)
        }

        let knownByName = Dictionary(grouping: known, by: \.object)
        for (index, file) in files.enumerated() {
            guard let candidates = knownByName[file.name] else { continue }
            if let object = try continued(try OpenFile(file), candidates) {
                claim(object, by: index, note: nil)
            }
        }
        for (index, file) in files.enumerated() where plans[index] == nil {
            let open = try OpenFile(file)
            if let object = try continued(open, unclaimed) {
                claim(object, by: index, note: "is \(object.object) under a new name")
                continue
            }
            let fingerprint = try Fingerprint(of: open).text
            var identity = fingerprint
            var ordinal = 2
            while !identities.insert(identity).inserted {
                identity = "\(fingerprint)#\(ordinal)"
                ordinal += 1
            }
            plans[index] = ReadPlan(
                file, identity: identity,
                note: !unclaimed.contains { $0.object == file.name }
                    ? nil
                    : "was truncated or replaced since it was read; it is read from the start as a new object"
            )
        }
        return files.indices.compactMap { plans[$0] }
    }
}
