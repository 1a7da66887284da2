"""Tink itself, for parts that we wrote and parts that we must read."""

from __future__ import annotations

import io
from typing import Any

import tink
from tink import secret_key_access
from tink import streaming_aead as streaming
from tink.proto import aes_gcm_hkdf_streaming_pb2, common_pb2, tink_pb2


def streaming_aead(object_key: bytes, segment_bytes: int) -> Any:
    """Tink's AES256-GCM-HKDF streaming primitive with a key of ours."""
    streaming.register()
    key = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingKey(version=0, key_value=object_key)
    key.params.ciphertext_segment_size = segment_bytes
    key.params.derived_key_size = 32
    key.params.hkdf_hash_type = common_pb2.SHA256
    keyset = tink_pb2.Keyset(primary_key_id=1)
    entry = keyset.key.add()
    entry.key_data.type_url = "type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey"
    entry.key_data.value = key.SerializeToString()
    entry.key_data.key_material_type = tink_pb2.KeyData.SYMMETRIC
    entry.status = tink_pb2.ENABLED
    entry.key_id = 1
    entry.output_prefix_type = tink_pb2.RAW
    handle = tink.proto_keyset_format.parse(keyset.SerializeToString(), secret_key_access.TOKEN)
    return handle.primitive(streaming.StreamingAead)


class _Kept(io.BytesIO):
    """Tink closes what it writes to; the bytes are wanted afterwards."""

    kept = b""

    def close(self) -> None:
        if not self.closed:
            self.kept = self.getvalue()
        super().close()


def encrypt(plaintext: bytes, *, object_key: bytes, aad: bytes, segment_bytes: int) -> bytes:
    out = _Kept()
    aead = streaming_aead(object_key, segment_bytes)
    with aead.new_encrypting_stream(out, aad) as stream:
        stream.write(plaintext)
    return out.kept


def decrypt(ciphertext: bytes, *, object_key: bytes, aad: bytes, segment_bytes: int) -> bytes:
    aead = streaming_aead(object_key, segment_bytes)
    with aead.new_decrypting_stream(io.BytesIO(ciphertext), aad) as stream:
        return bytes(stream.read())
