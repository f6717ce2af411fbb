/// A file that is open for reading, decompressed and in UTF-8, and what it lay there as.
struct OpenedFile {
    let source: any ByteSource
    /// When it was opened.
    let status: FileStatus
    let isCompressed: Bool

    /// - Throws: `missing` where another file has its name by now: what was planned holds for the one that was found.
    init(_ file: FoundFile, _ encoding: TextEncoding) throws(ExtractError) {
        let open = try OpenFile(file)
        guard open.status.node == file.status.node else {
            throw ExtractError(
                kind: .missing, object: file.name, message: "was moved away since the run began; run again")
        }
        status = open.status
        var source: any ByteSource = open
        let compression = Compression(try open.bytes(0..<Compression.magicBytes))
        if let compression { source = DecompressedFile(open, compression) }
        isCompressed = compression != nil
        self.source = try TranscodedSource.utf8(of: source, encoding)
    }
}
