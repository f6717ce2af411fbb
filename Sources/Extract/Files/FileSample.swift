import Events

/// The start of a file, decompressed and in UTF-8, as a run would read it.
package struct FileSample {
    package let bytes: [UInt8]
    /// Whether nothing follows.
    package let isWhole: Bool
    /// Why the end that was met is none; see `ByteSource`.
    package let damage: String?
    package let isCompressed: Bool

    package init(_ file: FoundFile, encoding: TextEncoding = .utf8, maxBytes: Int) throws(ExtractError) {
        let file = try OpenedFile(file, encoding)
        let start = try file.source.bytes(0..<Int64(maxBytes) + 1)
        isWhole = start.count <= maxBytes
        bytes = isWhole ? start : Array(start.prefix(maxBytes))
        damage = file.source.damage
        isCompressed = file.isCompressed
    }
}

extension FoundFile {
    /// What the ledger would know the file by if no other began like it: derived ids begin with it.
    package func likelyIdentity(_ encoding: TextEncoding) throws(ExtractError) -> String {
        let start = try OpenedFile(self, encoding).source.bytes(0..<Fingerprint.maxLength)
        return Fingerprint(start).text
    }
}
