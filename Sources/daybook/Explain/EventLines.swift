import Foundation

/// The lines of events in their files. The ledger knows at which line a batch begins; the rest is counted in the file,
/// where it is still there, uncompressed, and as the ledger says.
struct EventLines {
    /// What relative paths of objects are relative to.
    let directory: String
    private static let mostBytes = 256 << 20
    private static let blockBytes = 1 << 20

    private typealias Role = WritableKeyPath<Explanation.Case, Explanation.Place?>
    private static var roles: [Role] { [\.start, \.end, \.cancel] }

    func fill(_ explanation: inout Explanation) {
        // Each batch is read once, whatever the number of its events, and never held as a whole.
        var batches: [Int: [(index: Int, role: Role)]] = [:]
        for index in explanation.cases.indices {
            for role in EventLines.roles {
                guard let place = explanation.cases[index][keyPath: role] else { continue }
                batches[place.loadId, default: []].append((index, role))
            }
        }
        for members in batches.values {
            let places = members.compactMap { explanation.cases[$0.index][keyPath: $0.role] }
            let lines = lines(of: places)
            for (member, place) in zip(members, places) {
                explanation.cases[member.index][keyPath: member.role]?.line = lines[place.position]
            }
        }
    }

    /// By position, of the events of one batch; nothing where the file does not hold as many lines there as the ledger says.
    private func lines(of places: [Explanation.Place]) -> [Int: Int] {
        guard let batch = places.first else { return [:] }
        var lines = [batch.startPosition: batch.firstLine]
        let count = batch.endPosition - batch.startPosition
        let wanted = Set(places.map(\.position)).sorted().filter {
            $0 > batch.startPosition && $0 < batch.endPosition
        }
        guard !wanted.isEmpty, count <= EventLines.mostBytes, !batch.object.contains("://") else {
            return lines
        }
        let path = batch.object.hasPrefix("/") ? batch.object : "\(directory)/\(batch.object)"
        guard let file = FileHandle(forReadingAtPath: path) else { return lines }
        defer { try? file.close() }
        var found: [Int: Int] = [:]
        var (line, position) = (batch.firstLine, batch.startPosition)
        var rest = wanted[...]
        do {
            try file.seek(toOffset: UInt64(batch.startPosition))
            while position < batch.endPosition {
                let length = min(EventLines.blockBytes, batch.endPosition - position)
                guard let block = try file.read(upToCount: length), !block.isEmpty else { return lines }
                block.withUnsafeBytes { bytes in
                    var begin = 0
                    while let next = rest.first, next - position <= bytes.count {
                        line += bytes[begin..<(next - position)].count { $0 == UInt8(ascii: "\n") }
                        begin = next - position
                        found[next] = line
                        rest = rest.dropFirst()
                    }
                    line += bytes[begin...].count { $0 == UInt8(ascii: "\n") }
                }
                position += block.count
            }
        } catch {
            return lines
        }
        if line == batch.endLine { lines.merge(found) { $1 } }
        return lines
    }
}
