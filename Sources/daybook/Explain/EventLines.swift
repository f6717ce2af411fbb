import Foundation

/// The lines of events in their files. The ledger knows at which line a batch begins; the rest is counted in the file,
/// where it is still there, uncompressed, and as the ledger says.
struct EventLines {
    /// What relative paths of objects are relative to.
    let directory: String
    private static let mostBytes = 256 << 20

    func fill(_ explanation: inout Explanation) {
        var batches: [Int: [UInt8]?] = [:]
        func filled(_ place: Explanation.Place?) -> Explanation.Place? {
            guard var place else { return nil }
            if place.position == place.startPosition {
                place.line = place.firstLine
            } else {
                let bytes = batches[place.loadId] ?? batch(of: place)
                batches[place.loadId] = .some(bytes)
                place.line = bytes.flatMap { line(of: place, in: $0) }
            }
            return place
        }
        for index in explanation.cases.indices {
            explanation.cases[index].start = filled(explanation.cases[index].start)
            explanation.cases[index].end = filled(explanation.cases[index].end)
            explanation.cases[index].cancel = filled(explanation.cases[index].cancel)
        }
    }

    /// The bytes of the event's batch; nil where the file does not hold as many lines there as the ledger says.
    private func batch(of place: Explanation.Place) -> [UInt8]? {
        let count = place.endPosition - place.startPosition
        guard count <= EventLines.mostBytes, !place.object.contains("://") else { return nil }
        let path = place.object.hasPrefix("/") ? place.object : "\(directory)/\(place.object)"
        guard let file = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? file.close() }
        do {
            try file.seek(toOffset: UInt64(place.startPosition))
            guard let data = try file.read(upToCount: count), data.count == count else { return nil }
            let lines = data.count { $0 == UInt8(ascii: "\n") }
            return lines == place.endLine - place.firstLine ? [UInt8](data) : nil
        } catch {
            return nil
        }
    }

    private func line(of place: Explanation.Place, in bytes: [UInt8]) -> Int? {
        let offset = place.position - place.startPosition
        guard offset > 0, offset < bytes.count else { return nil }
        return place.firstLine + bytes[..<offset].count { $0 == UInt8(ascii: "\n") }
    }
}
