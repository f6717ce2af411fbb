import Events
import Foundation

/// Finds for each file the object that it continues, or makes it a new one.
///
/// A file continues an object when it begins with the bytes of the object's fingerprint and the KiB before the object's
/// end is the same, both uncompressed: so it may be renamed, moved and compressed. Where several would, the file that has
/// the object's name goes first, then the one that was it (by its inode), of each plain ones before compressed ones, then
/// any plain file, then any compressed one, and archives that are cut short last. A file that holds what another one does
/// is known as a copy of it, where one of the two is compressed, or the ledger knows all that they share.
package struct ReadPlanner {
    private let encoding: TextEncoding
    private let seen: [String: SeenFile]
    private let seenNodes: [String: SeenFile]
    /// Archives that are damaged, and not only cut short, by their objects.
    private let damaged: [String: SeenFile]
    private let isSettled: (FoundFile) -> Bool
    private let readKnown: () throws -> [KnownObject]
    private let startedAt = Date()
    /// Compressed files that are being written still, probably: they are left for a later run.
    package private(set) var unsettled: [FoundFile] = []
    private var objects = KnownObjects([])
    /// What is planned, to know copies by.
    private var planned = ByFingerprint<ReadPlan>()
    private var claimed: Set<String> = []
    /// Objects of files that have not changed.
    private var held: Set<String> = []
    private var taken: Set<String> = []

    /// - Parameters:
    ///   - seen: the source's files as they were when they were read last.
    ///   - isSettled: whether a file is written to its end.
    ///   - known: what the ledger knows of the source; asked only where a file has changed.
    package init(
        encoding: TextEncoding = .utf8, seen: [SeenFile] = [],
        isSettled: @escaping (FoundFile) -> Bool = { _ in true }, known: @escaping () throws -> [KnownObject]
    ) {
        self.encoding = encoding
        self.seen = Dictionary(seen.map { ($0.object, $0) }) { $1 }
        seenNodes = Dictionary(seen.map { ($0.node, $0) }) { $1 }
        damaged = Dictionary(
            seen.compactMap { file in
                file.damage.flatMap { Compression.tellsCut($0) ? nil : (file.identity, file) }
            }
        ) { $1 }
        self.isSettled = isSettled
        readKnown = known
    }

    /// - Returns: a plan for each file that is still there, in their order.
    package mutating func plans(_ files: [FoundFile]) throws -> [ReadPlan] {
        var plans = [ReadPlan?](repeating: nil, count: files.count)
        var changed: [Int] = []
        for (index, file) in files.enumerated() {
            guard let before = seen[file.name], before.status == file.status else {
                changed.append(index)
                continue
            }
            // A sound copy of a damaged file may take its object over.
            if before.damage == nil { held.insert(before.identity) }
            plans[index] = ReadPlan(
                file, identity: before.identity, damage: before.damage, isUnchanged: true)
        }
        guard !changed.isEmpty else { return plans.compactMap { $0 } }

        let known = try readKnown()
        objects = KnownObjects(known)
        taken = Set(known.map(\.identity))
        var candidates: [Candidate] = []
        for index in changed {
            guard let candidate = try Candidate(files[index], index, encoding) else { continue }
            if candidate.isCompressed, !isSettled(candidate.file) {
                unsettled.append(candidate.file)
            } else {
                candidates.append(candidate)
            }
        }
        let alike = Dictionary(
            grouping: candidates.filter { $0.head.length == Fingerprint.maxLength },
            by: \.head.fingerprint.text)
        let wasObject: (Candidate) -> ((KnownObject) -> Bool)? = { [seenNodes] candidate in
            seenNodes[candidate.file.status.node].map { before in { $0.identity == before.identity } }
        }
        let hasName: (Candidate) -> ((KnownObject) -> Bool)? = { candidate in
            { $0.object == candidate.file.name }
        }
        let isFree: (Candidate) -> ((KnownObject) -> Bool)? = { [held] _ in
            // What is short may begin as another file does by chance.
            { !held.contains($0.identity) || $0.endPosition > Fingerprint.maxLength }
        }
        // What is cut short comes last: it cannot tell what it would have held. Before it comes what seems to be as it
        // was: it has nothing more to tell.
        for (isCut, isStill) in [(false, false), (false, true), (true, false), (true, true)] {
            for rounds in [[hasName, wasObject], [isFree]] {
                for isCompressed in [false, true] {
                    for round in rounds {
                        for candidate in candidates
                        where plans[candidate.index] == nil && candidate.isCompressed == isCompressed
                            && (isCut || !wasCut(candidate.file))
                            && (isStill || !isAsLong(candidate.file))
                        {
                            guard let isMeant = round(candidate),
                                let plan = try continued(candidate, isCut: isCut, isMeant)
                            else { continue }
                            // The most that continues it does; what holds less is known as a copy of that later.
                            let most = try extended(candidate, among: alike, plans)
                            plans[most.index] =
                                most.index == candidate.index
                                ? plan : objects.identified(plan.identity).first.map { resumed($0, most) }
                        }
                    }
                }
            }
        }
        for plan in plans { if let plan { keep(plan) } }
        for isCompressed in [false, true] {
            for candidate in candidates
            where candidate.isCompressed == isCompressed {
                while plans[candidate.index] == nil {
                    let most = try extended(candidate, among: alike, plans)
                    let plan = try copied(most) ?? remembered(most) ?? begun(most)
                    keep(plan)
                    plans[most.index] = plan
                }
            }
        }
        let freshSince = startedAt.addingTimeInterval(-ReadPlanner.freshSeconds)
        for index in changed {
            let modified = plans[index]?.file.modified ?? .distantPast
            plans[index]?.isFresh = modified > freshSince
        }
        return plans.compactMap { $0 }
    }

    /// A change of a file sooner than this after the one before may have the same time: of some file systems, times are
    /// full seconds.
    private static let freshSeconds = 2.0

    /// The file as what continues one of the objects.
    ///
    /// - Parameter isCut: whether an archive that ends before the object does counts as one.
    private mutating func continued(
        _ candidate: Candidate, isCut: Bool, _ isMeant: (KnownObject) -> Bool
    ) throws(ExtractError) -> ReadPlan? {
        let alike = objects.beginning(with: candidate.head).filter {
            !claimed.contains($0.identity) && isMeant($0) && !wasMended($0, by: candidate.file)
        }
        guard !alike.isEmpty, !isCut || candidate.isCompressed, let open = try candidate.open(encoding) else {
            return nil
        }
        var best: KnownObject?
        var endsEarly = false
        for object in alike where best == nil || object.endPosition > best!.endPosition {
            let isSame = try open.source.tailHash(before: object.endPosition) == object.tailHash
            guard isSame || isCut && open.source.damage != nil else { continue }
            (best, endsEarly) = (object, !isSame)
        }
        guard let best else { return nil }
        claimed.insert(best.identity)
        if endsEarly {
            return ReadPlan(
                candidate.file, identity: best.identity, note: note(candidate.file, best),
                damage: open.source.damage, isUnchanged: false)
        }
        return resumed(best, candidate)
    }

    private func resumed(_ object: KnownObject, _ candidate: Candidate) -> ReadPlan {
        ReadPlan(
            candidate.file, identity: object.identity, holes: object.holes,
            from: (object.endPosition, object.endLine), tailHash: object.tailHash, end: candidate.size,
            note: note(candidate.file, object))
    }

    /// By what name the file was known, where that is another.
    private func note(_ file: FoundFile, _ object: KnownObject) -> String? {
        guard object.object != file.name, seen[file.name]?.identity != object.identity else { return nil }
        return held.contains(object.identity)
            ? "is a copy of \(object.object)" : "is \(object.object) under a new name"
    }

    /// Of the files that have no plan and begin with all that this one holds, the longest; itself where there is none.
    private func extended(
        _ candidate: Candidate, among alike: [String: [Candidate]], _ plans: [ReadPlan?]
    ) throws(ExtractError) -> Candidate {
        var most = candidate
        let group = alike[candidate.head.fingerprint.text] ?? []
        // Many that begin so are no copies, but have a long header; to compare each with each would take forever.
        guard group.count <= ReadPlanner.mostCopies else { return candidate }
        for other in group
        where other.index != candidate.index && plans[other.index] == nil {
            guard let open = try other.open(encoding), let mine = try most.open(encoding) else { continue }
            let (length, otherLength) = (try mine.source.length(), try open.source.length())
            guard otherLength > length,
                try open.source.tailHash(before: length) == mine.source.tailHash(before: length)
            else { continue }
            most = other
        }
        return most
    }

    private static let mostCopies = 16

    /// Whether the object was read from an archive that was damaged in the middle, and this is another file: of what
    /// seemed to be read well behind the damage nobody knows, so that the file is read as a whole.
    private func wasMended(_ object: KnownObject, by file: FoundFile) -> Bool {
        guard let before = damaged[object.identity] else { return false }
        return before.node != file.status.node || before.size != file.size
    }

    /// A file that holds what another one does from its start: both are one object, which is read from the other.
    ///
    /// Two plain files may begin alike by chance, or go on differently: of these, one is a copy only where it holds more
    /// than a fingerprint's KiB, and all of the object that was loaded before.
    private func copied(_ candidate: Candidate) throws(ExtractError) -> ReadPlan? {
        var length: Int64?
        for plan in planned.beginning(with: candidate.head) {
            guard let other = try? OpenedFile(plan.file, encoding),
                try Head(other.source).isSame(as: candidate.head),
                let open = try candidate.open(encoding)
            else { continue }
            if !candidate.isCompressed, !other.isCompressed {
                guard try holds(open.source, plan.identity) else { continue }
            }
            if length == nil { length = try open.source.length() }
            guard let length, length > 0,
                try open.source.tailHash(before: length) == other.source.tailHash(before: length)
            else { continue }
            return ReadPlan(
                candidate.file, identity: plan.identity,
                note: "is a \(candidate.isCompressed ? "compressed " : "")copy of \(plan.file.name)",
                damage: nil, isUnchanged: false)
        }
        return nil
    }

    /// A copy, as it was when it was read last, of a file that went on and is gone.
    private func remembered(_ candidate: Candidate) throws(ExtractError) -> ReadPlan? {
        guard isAsLong(candidate.file),
            let before = seenNodes[candidate.file.status.node] ?? seen[candidate.file.name],
            before.damage == nil,
            let object = objects.beginning(with: candidate.head).first(where: {
                $0.identity == before.identity
            }),
            let length = try candidate.open(encoding)?.source.length(), length < object.endPosition
        else { return nil }
        return ReadPlan(candidate.file, identity: object.identity, damage: nil, isUnchanged: false)
    }

    private func holds(_ source: any ByteSource, _ identity: String) throws(ExtractError) -> Bool {
        guard let object = objects.identified(identity).first, object.endPosition > Fingerprint.maxLength
        else { return false }
        return try source.tailHash(before: object.endPosition) == object.tailHash
    }

    /// Whether the file is as long as it was when it was read last.
    private func isAsLong(_ file: FoundFile) -> Bool {
        [seen[file.name], seenNodes[file.status.node]].contains { before in
            before?.node == file.status.node && before?.size == file.size
        }
    }

    /// Whether the file was cut short when it was read last, and is as long as then.
    private func wasCut(_ file: FoundFile) -> Bool {
        guard let before = seen[file.name] else { return false }
        return before.damage != nil && before.node == file.status.node && before.size == file.size
    }

    private mutating func keep(_ plan: ReadPlan) { planned.add(plan, identity: plan.identity) }

    /// The file as a new object.
    private mutating func begun(_ candidate: Candidate) -> ReadPlan {
        let fingerprint = candidate.head.fingerprint.text
        var identity = fingerprint
        var ordinal = 2
        while !taken.insert(identity).inserted {
            identity = "\(fingerprint)#\(ordinal)"
            ordinal += 1
        }
        return ReadPlan(candidate.file, identity: identity, end: candidate.size, note: loss(candidate.file))
    }

    /// What became of the file that was here before, where that is nowhere any more.
    private func loss(_ file: FoundFile) -> String? {
        let before = seenNodes[file.status.node] ?? seen[file.name]
        let objects = before.map { self.objects.identified($0.identity) } ?? self.objects.named(file.name)
        guard objects.contains(where: { !claimed.contains($0.identity) && !held.contains($0.identity) })
        else { return nil }
        var happened = "was truncated or replaced since it was read"
        if let before, before.node == file.status.node {
            happened =
                before.object != file.name
                ? "has the inode that \(before.object) had"
                : "was \(file.size < before.size ? "truncated" : "overwritten") since it was read"
        }
        return happened
            + "; it is read from the start as a new object; what it got since the last run is lost, if it got any"
    }
}

/// Things by the fingerprints of what they begin with.
private struct ByFingerprint<Value> {
    private var values: [Int64: [String: [Value]]] = [:]
    private var lengths: [Int64] = []

    mutating func add(_ value: Value, identity: String) {
        guard let fingerprint = Fingerprint(identity: identity) else { return }
        if values[fingerprint.length] == nil {
            lengths.append(fingerprint.length)
            lengths.sort()
        }
        values[fingerprint.length, default: [:]][fingerprint.hash, default: []].append(value)
    }

    /// Those of which the fingerprint is what a file begins with.
    func beginning(with head: Head) -> [Value] {
        lengths.prefix { $0 <= head.length }.flatMap { length in values[length]?[head.hash(length)] ?? [] }
    }
}

/// A file that has changed, and how it begins.
private struct Candidate {
    let file: FoundFile
    let index: Int
    let head: Head
    let isCompressed: Bool
    /// Uncompressed; `Int64.max` where only reading tells.
    let size: Int64

    /// Nil of a file that is gone by now: the next run may find it under another name.
    init?(_ file: FoundFile, _ index: Int, _ encoding: TextEncoding) throws(ExtractError) {
        guard let open = try Candidate.open(file, encoding) else { return nil }
        // It may have grown since it was found.
        self.file = FoundFile(name: file.name, path: file.path, status: open.status)
        self.index = index
        head = try Head(open.source)
        isCompressed = open.isCompressed
        size = open.source.size ?? .max
    }

    func open(_ encoding: TextEncoding) throws(ExtractError) -> OpenedFile? {
        try Candidate.open(file, encoding)
    }

    private static func open(_ file: FoundFile, _ encoding: TextEncoding) throws(ExtractError) -> OpenedFile?
    {
        do {
            return try OpenedFile(file, encoding)
        } catch {
            guard error.kind == .missing else { throw error }
            return nil
        }
    }
}

extension SeenFile {
    fileprivate var status: FileStatus {
        FileStatus(node: node, size: size, modifiedNanoseconds: modifiedNanoseconds)
    }
}

/// The first KiB of a file.
private struct Head {
    private let bytes: [UInt8]

    init(_ source: any ByteSource) throws(ExtractError) {
        bytes = try source.bytes(0..<Fingerprint.maxLength)
    }

    var fingerprint: Fingerprint { Fingerprint(bytes) }
    var length: Int64 { Int64(bytes.count) }

    func hash(_ length: Int64) -> String { SHA256.hex(Array(bytes[..<Int(length)]), prefix: 8) }

    /// Whether one of the two begins as the other does.
    func isSame(as other: Head) -> Bool { zip(bytes, other.bytes).allSatisfy { $0 == $1 } }
}

/// Objects by their fingerprints.
private struct KnownObjects {
    private let byName: [String: [KnownObject]]
    private let byIdentity: [String: [KnownObject]]
    private var byFingerprint = ByFingerprint<KnownObject>()

    init(_ all: [KnownObject]) {
        byName = Dictionary(grouping: all, by: \.object)
        byIdentity = Dictionary(grouping: all, by: \.identity)
        for object in all { byFingerprint.add(object, identity: object.identity) }
    }

    func named(_ name: String) -> [KnownObject] { byName[name] ?? [] }
    func identified(_ identity: String) -> [KnownObject] { byIdentity[identity] ?? [] }

    func beginning(with head: Head) -> [KnownObject] { byFingerprint.beginning(with: head) }
}
