import Events

/// Where to go on in a file.
package struct ReadPlan: Sendable {
    package let file: FoundFile
    package let identity: String
    package let position: Int64
    package let line: Int64
    /// What a person should know: the file was truncated, replaced or renamed.
    package let note: String?

    package init(file: FoundFile, identity: String, position: Int64, line: Int64, note: String?) {
        self.file = file
        self.identity = identity
        self.position = position
        self.line = line
        self.note = note
    }

    /// Bytes that are not read yet.
    package var remaining: Int64 { max(0, file.size - position) }

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
                file: files[index], identity: object.identity, position: object.endPosition,
                line: object.endLine,
                note: note)
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
                file: file, identity: identity, position: 0, line: 1,
                note: knownByName[file.name] == nil
                    ? nil
                    : "was truncated or replaced since it was read; it is read from the start as a new object"
            )
        }
        return files.indices.compactMap { plans[$0] }
    }
}
