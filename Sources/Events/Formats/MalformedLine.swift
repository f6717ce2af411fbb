/// A line that is not of its format: what is wrong, and the offset in the chunk where that shows.
struct MalformedLine: Error {
    let offset: Int
    let problem: String
}

extension TranslatedRecords {
    /// Rejects a whole chunk, and takes back what was written since `mark`.
    mutating func reject(_ chunk: UnsafeBufferPointer<UInt8>, from mark: Int, _ error: MalformedLine) {
        reject(0..<chunk.count, from: mark, .malformedLine, "column \(error.offset + 1): \(error.problem)")
    }
}
